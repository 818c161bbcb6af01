//! What a direction keeps between two inputs, in bytes, and how to make it less.

use super::{MessageReader, OpenMessages};

impl MessageReader {
    /// Bytes of memory that it takes beside itself.
    pub fn memory(&self) -> usize {
        let inflater = self.inflater.as_ref().map_or(0, |inflater| inflater.memory());
        let frame = self.frame.as_ref().map_or(0, |frame| size_of_val(&**frame));
        (self.open.memory() + self.waiting.memory()).saturating_add(inflater).saturating_add(frame)
    }

    /// Does it keep what is only needed to inflate, beside what messages may refer to?
    pub fn is_inflating(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| inflater.is_awake())
    }

    /// Would [`Self::sleep`] put away more than that: what the sender agreed not to refer to?
    pub fn is_strict(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| inflater.is_strict())
    }

    /// Between messages, puts away what is only needed to inflate. Nothing is lost that messages may refer to.
    pub fn sleep(&mut self) {
        if let Some(inflater) = &mut self.inflater {
            inflater.sleep();
        }
    }

    /// Between messages, forgets what the next may refer to, as if there had been a hole. Was there anything?
    pub fn forget(&mut self) -> bool {
        self.inflater.as_mut().is_some_and(|inflater| inflater.forget())
    }

    /// May messages refer to others that are not known?
    pub fn lacks_history(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| inflater.lacks_history())
    }
}

impl OpenMessages {
    fn memory(&self) -> usize {
        let open = [&self.data, &self.control].into_iter().flatten();
        open.map(|open| open.memory()).fold(0, usize::saturating_add)
    }
}
