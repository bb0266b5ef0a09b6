//! Messages between a client and PostgreSQL, as they are on the wire.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Ends a request: a simple query, or the end of a prepared one.
const REQUEST_ENDS: [u8; 2] = [b'Q', b'S'];

/// Ends the answer to a request: the server is ready for another.
const ANSWER_ENDS: u8 = b'Z';

/// A message: its type, and what follows its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `None` for the first one of a client.
    kind: Option<u8>,
    content: Vec<u8>,
}

impl Message {
    /// A message of this type.
    pub(crate) const fn new(kind: u8, content: Vec<u8>) -> Self {
        Self { kind: Some(kind), content }
    }

    /// The first message of a client; `None` at the end.
    pub(crate) async fn read_first(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        Self::read_content(from, None).await
    }

    /// The next message; `None` at the end.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let kind = from.read_u8().await.ok()?;
        Self::read_content(from, Some(kind)).await
    }

    async fn read_content(from: &mut (impl AsyncRead + Unpin), kind: Option<u8>) -> Option<Self> {
        // The length counts itself.
        let length = usize::try_from(from.read_u32().await.ok()?).ok()?.checked_sub(4)?;
        let mut content = vec![0; length];
        from.read_exact(&mut content).await.ok()?;
        Some(Self { kind, content })
    }

    /// As it goes over the wire.
    ///
    /// # Panics
    /// It is longer than a message can be.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.content.len() + 4).expect("less than 4 GiB");
        self.kind.into_iter().chain(length.to_be_bytes()).chain(self.content.iter().copied()).collect()
    }

    /// Whether it ends a request.
    pub(crate) fn ends_request(&self) -> bool {
        self.kind.is_some_and(|kind| REQUEST_ENDS.contains(&kind))
    }

    /// Whether it ends the answer to a request.
    pub(crate) fn ends_answer(&self) -> bool {
        self.kind == Some(ANSWER_ENDS)
    }

    /// Whether the client leaves with it.
    pub(crate) fn says_goodbye(&self) -> bool {
        self.kind == Some(b'X')
    }

    /// Whether the server waits for the client's password, or for more of the proof that it knows it.
    pub(crate) fn asks_for_a_password(&self) -> bool {
        // 0 says that all is well, and 12 is the last word of such a proof.
        self.kind == Some(b'R') && !matches!(self.content[..], [0, 0, 0, 0 | 12, ..])
    }

    /// Whether it is a simple query with this text.
    #[must_use]
    pub fn is_query(&self, text: &str) -> bool {
        self.kind == Some(b'Q') && self.content.strip_suffix(&[0]) == Some(text.as_bytes())
    }

    /// The name and the text of a statement that is to be prepared.
    pub(crate) fn prepared(&self) -> Option<(&str, &str)> {
        let mut texts = self.texts(b'P')?;
        Some((texts.next()?, texts.next()?))
    }

    /// The name of the statement that gets its parameters.
    pub(crate) fn bound(&self) -> Option<&str> {
        self.texts(b'B')?.nth(1)
    }

    /// The texts that it begins with, if it is of this type: each ends with a zero.
    fn texts(&self, kind: u8) -> Option<impl Iterator<Item = &str>> {
        let texts = self.content.split(|byte| *byte == 0).map_while(|text| std::str::from_utf8(text).ok());
        (self.kind == Some(kind)).then_some(texts)
    }

    /// Whether it is a statement, simple or prepared, that has this text in it.
    #[must_use]
    pub fn asks(&self, text: &str) -> bool {
        self.replace(text, text).is_some()
    }

    /// The statement, simple or prepared, with another text in the place of this one, if it has it.
    #[must_use]
    pub fn replace(&self, text: &str, by: &str) -> Option<Self> {
        let is_statement = matches!(self.kind, Some(b'P' | b'Q'));
        let at = self.content.windows(text.len()).position(|part| part == text.as_bytes())?;
        let content = [&self.content[..at], by.as_bytes(), &self.content[at + text.len()..]].concat();
        is_statement.then_some(Self { kind: self.kind, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Message {
        Message::new(b'Q', format!("{text}\0").into_bytes())
    }

    #[tokio::test]
    async fn a_message_is_read_as_it_was_written() {
        let first = Message { kind: None, content: b"\0\x03\0\0user\0me\0\0".to_vec() };
        let messages = [query("begin"), Message::new(b'S', Vec::new())];
        let bytes: Vec<u8> = messages.iter().flat_map(Message::bytes).collect();
        let (first_bytes, mut bytes) = (first.bytes(), &bytes[..]);
        assert_eq!(Message::read_first(&mut &first_bytes[..]).await, Some(first));
        for message in messages {
            assert_eq!(Message::read(&mut bytes).await, Some(message));
        }
        assert_eq!(Message::read(&mut bytes).await, None);
    }

    #[test]
    fn statements_are_known_by_their_texts() {
        assert!(query("commit").is_query("commit"));
        assert!(!query("commit prepared").is_query("commit"));
        let prepare = Message::new(b'P', b"s1\0select 1 for update\0\0\0".to_vec());
        assert_eq!(prepare.prepared(), Some(("s1", "select 1 for update")));
        assert_eq!(query("select").prepared(), None);
        let other = prepare.replace(" for update", "").expect("has it");
        assert_eq!(other, Message::new(b'P', b"s1\0select 1\0\0\0".to_vec()));
        assert_eq!(query("begin").replace(" for update", ""), None);
        assert!(prepare.asks("select") && !query("begin").asks("select"));
        let bind = Message::new(b'B', b"\0s1\0\0\0".to_vec());
        assert_eq!((bind.bound(), query("commit").bound()), (Some("s1"), None));
    }
}
