//! The program's memory. A command of a runtime lives for milliseconds: what it allocates comes out
//! of one piece that is never given back, so that nothing is searched, locked or written to free
//! it. A command that needs more, or lives long, gets the rest from the C library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of the piece: ten times what `run` allocates in all, and what `list` does for a thousand
/// containers. Only touched pages are memory.
const SIZE: usize = 4096 * 1024;

/// What everything is aligned to, whatever it asks for: nix takes bytes for a `cmsghdr`, since
/// malloc(3) aligns them so.
const ALIGNMENT: usize = align_of::<libc::cmsghdr>();

/// What a thread takes at once, so that no two ask for the same bytes all the time.
const PART: usize = 16 * 1024;

/// The allocator (`#[global_allocator]`), of which a program has one.
pub struct Heap {
    piece: UnsafeCell<[u8; SIZE]>,
    /// Bytes that threads have taken, from the beginning.
    used: AtomicUsize,
}

thread_local! {
    /// The bytes that this thread has taken and not given out: from here, to there.
    static OWN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

// SAFETY: a byte of the piece belongs to the thread that has moved `used` over it, and then to whom
// that thread gave it, and to nobody else.
unsafe impl Sync for Heap {}

impl Heap {
    /// One with all of its piece left.
    pub const fn new() -> Heap {
        Heap { piece: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) }
    }

    fn start(&self) -> usize {
        self.piece.get().addr()
    }

    /// Where it lies in the piece, if it does.
    fn offset(&self, pointer: *mut u8) -> Option<usize> {
        pointer.addr().checked_sub(self.start()).filter(|offset| *offset < SIZE)
    }

    /// Bytes that nobody has; nothing when the piece is too small.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let align = layout.align().max(ALIGNMENT);
        let fits = |(from, to): (usize, usize)| {
            let begin = (self.start() + from).next_multiple_of(align) - self.start();
            let end = begin.checked_add(layout.size()).filter(|end| *end <= to)?;
            Some((begin, (end, to)))
        };
        let (begin, rest) = match fits(OWN.get()) {
            Some(found) => found,
            None => fits(self.part(layout.size().checked_add(align)?)?)?,
        };
        OWN.set(rest);
        Some(self.piece.get().cast::<u8>().wrapping_add(begin))
    }

    /// So many bytes more for this thread, after those that it has if nobody came between.
    fn part(&self, size: usize) -> Option<(usize, usize)> {
        let size = size.max(PART);
        let more = |used: usize| used.checked_add(size).filter(|end| *end <= SIZE);
        let begin = self.used.fetch_update(Relaxed, Relaxed, more).ok()?;
        let (from, to) = OWN.get();
        Some((if to == begin { from } else { begin }, begin + size))
    }

    /// Moves the end of what was given out last; says whether it was the last and there is room.
    fn resize_last(&self, offset: usize, old: usize, new: usize) -> bool {
        let (from, to) = OWN.get();
        let can = offset + old == from && new <= to - offset;
        if can {
            OWN.set((offset + new, to));
        }
        can
    }
}

impl Default for Heap {
    fn default() -> Heap {
        Heap::new()
    }
}

// SAFETY: what `take` gives is aligned, as long as asked for, and given once; all else is the
// system's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout).unwrap_or_else(|| {
            // SAFETY: the caller's layout.
            unsafe { System.alloc(layout) }
        })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.offset(pointer) {
            Some(offset) => drop(self.resize_last(offset, layout.size(), 0)),
            // SAFETY: the system gave it, with this layout.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        let Some(offset) = self.offset(pointer) else {
            // SAFETY: the system gave it, with this layout.
            return unsafe { System.realloc(pointer, layout, new) };
        };
        if self.resize_last(offset, layout.size(), new) || new <= layout.size() {
            return pointer;
        }
        // SAFETY: the caller vouches that the size is no overflow with this alignment.
        let other = unsafe { Layout::from_size_align_unchecked(new, layout.align()) };
        // SAFETY: as above; the size is not zero, since it is larger than the old one.
        let other = unsafe { self.alloc(other) };
        if !other.is_null() {
            // SAFETY: both are as long as the old size and do not overlap: `other` was nobody's.
            unsafe { other.copy_from_nonoverlapping(pointer, layout.size()) };
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    fn alloc(heap: &Heap, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        unsafe { heap.alloc(layout) }
    }

    #[test]
    fn what_is_taken_is_aligned_and_apart() {
        static HEAP: Heap = Heap::new();
        OWN.set((0, 0));
        let mut end = 0;
        for (size, align) in [(1, 1), (3, 8), (5, 64), (1, 1), (4096, 4096), (7, 2)] {
            let at = alloc(&HEAP, layout(size, align)).addr();
            assert_eq!(at % align.max(ALIGNMENT), 0);
            assert!(at >= end && HEAP.offset(at as *mut u8).is_some());
            end = at + size;
        }
    }

    #[test]
    fn only_the_last_is_given_back() {
        static HEAP: Heap = Heap::new();
        OWN.set((0, 0));
        let first = alloc(&HEAP, layout(16, 8));
        let last = alloc(&HEAP, layout(16, 8));
        // SAFETY: of this heap and layout.
        unsafe { HEAP.dealloc(first, layout(16, 8)) };
        assert_ne!(alloc(&HEAP, layout(16, 8)), first);
        let last_now = alloc(&HEAP, layout(32, 8));
        // SAFETY: as above.
        unsafe { HEAP.dealloc(last_now, layout(32, 8)) };
        assert_eq!(alloc(&HEAP, layout(32, 8)), last_now);
        assert_ne!(last, last_now);
    }

    #[test]
    fn the_last_grows_in_place_and_others_move_with_what_they_hold() {
        static HEAP: Heap = Heap::new();
        OWN.set((0, 0));
        let first = alloc(&HEAP, layout(8, 8));
        // SAFETY: eight bytes that are ours.
        unsafe { first.write_bytes(7, 8) };
        // SAFETY: of this heap and layout.
        assert_eq!(unsafe { HEAP.realloc(first, layout(8, 8), 16) }, first);
        let _after = alloc(&HEAP, layout(8, 8));
        // SAFETY: as above.
        let moved = unsafe { HEAP.realloc(first, layout(16, 8), 32) };
        assert_ne!(moved, first);
        // SAFETY: eight bytes that were copied.
        assert_eq!(unsafe { moved.cast::<[u8; 8]>().read() }, [7; 8]);
    }

    #[test]
    fn what_finds_no_room_is_the_systems() {
        static HEAP: Heap = Heap::new();
        OWN.set((0, 0));
        let large = alloc(&HEAP, layout(SIZE + 1, 8));
        assert_eq!(HEAP.offset(large), None);
        // SAFETY: of this heap and layout.
        let larger = unsafe { HEAP.realloc(large, layout(SIZE + 1, 8), SIZE + 9) };
        // SAFETY: as above.
        unsafe { HEAP.dealloc(larger, layout(SIZE + 9, 8)) };
        let all = alloc(&HEAP, layout(SIZE - 8, 1));
        assert!(HEAP.offset(all).is_some());
        let more = alloc(&HEAP, layout(9, 1));
        assert_eq!(HEAP.offset(more), None);
        // SAFETY: as above.
        unsafe { HEAP.dealloc(more, layout(9, 1)) };
        // SAFETY: as above; it moves to the system, which gives more.
        let moved = unsafe { HEAP.realloc(all, layout(SIZE - 8, 1), SIZE + 8) };
        assert_eq!(HEAP.offset(moved), None);
        // SAFETY: as above.
        unsafe { HEAP.dealloc(moved, layout(SIZE + 8, 1)) };
    }
}
