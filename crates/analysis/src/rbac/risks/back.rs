//! What leads to each vertex: the graph the other way round.

/// Values by the vertex that they lead to.
#[derive(Debug)]
pub(crate) struct Back<T> {
    /// Where those of each vertex begin among all; one more tells where the last end.
    first: Vec<u32>,
    all: Vec<T>,
}

impl<T: Copy + Default> Back<T> {
    /// Takes values with the vertices that they lead to, of so many; those of one vertex stay in their order.
    pub(crate) fn of(vertices: usize, values: impl Iterator<Item = (u32, T)> + Clone) -> Self {
        let mut first: Vec<u32> = vec![0; vertices + 1];
        for (to, _) in values.clone() {
            if let Some(count) = first.get_mut(to as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for count in &mut first {
            sum += *count;
            *count = sum;
        }
        let (mut all, mut free) = (vec![T::default(); sum as usize], first.clone());
        for (to, value) in values {
            if let Some(place) = free.get_mut(to as usize) {
                if let Some(stored) = all.get_mut(*place as usize) {
                    *stored = value;
                }
                *place += 1;
            }
        }
        Self { first, all }
    }

    /// What leads to a vertex.
    pub(crate) fn to(&self, number: u32) -> &[T] {
        let at = |number: usize| self.first.get(number).map_or(0, |at| *at as usize);
        self.all.get(at(number as usize)..at(number as usize + 1)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_a_vertex_stays_in_order() {
        let back = Back::of(3, [(2, 'a'), (0, 'b'), (2, 'c'), (9, 'd')].into_iter());
        assert_eq!([back.to(0), back.to(1), back.to(2), back.to(9)], [&['b'][..], &[], &['a', 'c'], &[]]);
    }
}
