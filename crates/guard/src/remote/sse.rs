//! The text of an event stream, cut into messages (HTML Living Standard, §9.2.6).
//!
//! Only `data` matters here: what a message is and where it belongs stands in the signed text
//! itself, and the unsigned fields around it (`event`, `id`, `retry`) are nobody's word.

/// Cuts the stream; fed with whatever arrives.
pub(super) struct Messages {
    limit: usize,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The lines of data of the message that has not ended yet.
    data: Vec<u8>,
    /// A line feed that follows this carriage return belongs to it.
    after_return: bool,
}

/// A message or a line is longer than it may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Messages {
    /// No message may have more than `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            data: Vec::new(),
            after_return: false,
        }
    }

    /// The data of the messages that these bytes complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut complete = Vec::new();
        for byte in bytes {
            let was_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if was_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    complete.extend(self.end_of_line());
                }
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > self.limit {
                return Err(TooLong);
            }
        }
        Ok(complete)
    }

    fn end_of_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let message = std::mem::take(&mut self.data);
            return (!message.is_empty()).then_some(message);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data
                .extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(chunks: &[&str]) -> Vec<String> {
        let mut stream = Messages::new(100);
        chunks
            .iter()
            .flat_map(|chunk| stream.feed(chunk.as_bytes()).expect("short messages"))
            .map(|message| String::from_utf8(message).expect("text"))
            .collect()
    }

    #[test]
    fn a_message_ends_with_an_empty_line_whatever_a_line_ends_with() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("id: 1{end}data: one{end}{end}data:two{end}{end}");
            assert_eq!(messages(&[&text]), ["one", "two"], "{end:?}");
        }
    }

    #[test]
    fn it_does_not_matter_where_the_stream_is_cut() {
        let text = "data: one\r\n\r\ndata: two\r\n\r\n";
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(messages(&[head, tail]), ["one", "two"], "cut at {cut}");
        }
    }

    #[test]
    fn comments_other_fields_and_empty_messages_are_nothing() {
        assert_eq!(
            messages(&[": ping\n\n", "event: x\nretry: 5\n\n", "data\n\n"]),
            [""; 0]
        );
        assert_eq!(messages(&["data: one\ndata: two\n\n"]), ["one\ntwo"]);
        assert_eq!(messages(&["data: unfinished\n"]), [""; 0]);
    }

    #[test]
    fn what_never_ends_is_cut_off() {
        let mut stream = Messages::new(100);
        assert_eq!(stream.feed(&[b'x'; 101]), Err(TooLong));
        let mut stream = Messages::new(100);
        let outcome = (0..20).try_for_each(|_| stream.feed(b"data: 12345678\n").map(drop));
        assert_eq!(outcome, Err(TooLong));
    }
}
