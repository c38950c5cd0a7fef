"""Verify a C2SP tlog-tiles log in a folder with aics-tlog, an implementation that shares nothing with ours.

    verify_log.py LOG VKEY_FILE ORIGIN [OLD_CHECKPOINT]

Checks the checkpoint's signature and origin, every tile and every entry against its root, an inclusion proof of each
leaf out of the tiles, and, with an older checkpoint, the consistency of the two. Prints one line that begins with
"verified" and ends with 0, or one that begins with "refused" and ends with 1. Any other ending is a fault of this program.
"""

import sys
from pathlib import Path

import aics_tlog


class Refused(Exception):
    """The log is not as it must be."""


def open_checkpoint(raw, key, origin):
    result = aics_tlog.verify_checkpoint(aics_tlog.parse_note(raw.decode()), key, expected_origin=origin)
    if not result.ok:
        raise Refused(result.error or "the checkpoint does not verify")
    return result


def verify(log, key, origin, old_raw):
    checkpoint = open_checkpoint((log / "checkpoint").read_bytes(), key, origin)
    reader = aics_tlog.FileSystemTileReader(log)
    report = aics_tlog.audit_tiles(reader, checkpoint.size, checkpoint.root)
    for index in range(checkpoint.size):
        entry = aics_tlog.read_entry(reader, index, checkpoint.size)
        proof = aics_tlog.inclusion_proof_from_tiles(reader, index, checkpoint.size)
        if not aics_tlog.verify_leaf_inclusion(entry, index, checkpoint.size, proof, checkpoint.root):
            raise Refused(f"entry {index} is not included")
    if old_raw is not None:
        old = open_checkpoint(old_raw, key, origin)
        if old.size > checkpoint.size:
            raise Refused("the log shrank")
        proof = aics_tlog.consistency_proof_from_tiles(reader, old.size, checkpoint.size)
        if not aics_tlog.verify_consistency(old.size, checkpoint.size, old.root, checkpoint.root, proof):
            raise Refused("the log did not grow from the older checkpoint")
    return f"{checkpoint.size} entries, {report.tiles} tiles, {report.bundles} bundles"


def main():
    log, vkey, origin, *old = sys.argv[1:]
    key = aics_tlog.parse_vkey(Path(vkey).read_text().strip())
    old_raw = Path(old[0]).read_bytes() if old else None
    try:
        print("verified", verify(Path(log), key, origin, old_raw))
    except (Refused, ValueError, OSError) as refusal:
        # The package's own refusals are ValueError and OSError (a file that is missing) or subclasses of them.
        print("refused", type(refusal).__name__, refusal)
        sys.exit(1)


main()
