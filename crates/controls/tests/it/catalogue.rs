//! Mistakes in a catalogue are told with their place.
