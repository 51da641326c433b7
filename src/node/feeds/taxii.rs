//! A collection of TAXII 2.1, page by page. Where the next question begins moves with what the page says, in one transaction.

use super::beside::{BOUNDS, Page, page};
use super::fault::Fault;
use super::row::{Cursor, StateRow};
use super::run::{Fetch, address};
use super::take::{Reading, part};
use super::{Run, Stop};
use crate::node::{Node, NodeError};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::Arc;
use url::Url;

/// What TAXII 2.1 is asked for by.
const MEDIA: &str = "application/taxii+json;version=2.1";
/// So many objects of a page are asked for; a server may give fewer.
const PAGE_OBJECTS: &str = "1000";
/// The longest word of a server for its next page, in bytes.
const NEXT_BYTES_MAX: usize = 4 << 10;

impl Node {
    pub(super) async fn read_taxii(self: &Arc<Self>, run: &mut Run) -> Result<(), Stop> {
        if run.how.accept_removals {
            (run.state.cursor, run.state.again) = (Cursor::default(), None);
        }
        // What is new comes first. What is left of the run goes on with what was there before, by one page at least.
        let left = self.read_pages(run, Walk::News, self.config.feeds.fetches_max).await?;
        if run.state.again.is_some() && !run.how.dry_run {
            run.has_news = true;
            self.read_pages(run, Walk::Again, left.max(1)).await?;
        }
        Ok(())
    }

    /// Reads pages until there are no more, or so many. How many are left of these.
    async fn read_pages(self: &Arc<Self>, run: &mut Run, walk: Walk, most: u64) -> Result<u64, Stop> {
        let (bytes_max, objects_max) = (self.config.feeds.taxii_page_bytes_max, self.config.feeds.taxii_page_objects_max);
        for left in (0..most).rev() {
            let fetched = loop {
                let url = page_of(&run.feed.terms.at, walk.cursor(&mut run.state))?;
                match self.fetch_for(run, &url, Fetch { accept: Some(MEDIA), ..Fetch::default() }).await {
                    // The server has forgotten what its word for the next page meant: it is asked once more, from where this reading began; what is
                    // only read again from the time that it came to, or it would never end.
                    Err(Fault::Http(400 | 404 | 410 | 422)) if walk.cursor(&mut run.state).next.take().is_some() => {
                        if let (Walk::Again, Some(again)) = (walk, &mut run.state.again) {
                            again.added_after = again.seen.clone().or(again.added_after.take());
                        }
                    }
                    fetched => break fetched?,
                }
            };
            let header = |name: &str| {
                fetched.headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| is_time(text)).map(str::to_owned)
            };
            let added_last = header("x-taxii-date-added-last");
            let bytes = fetched.body.map_or_else(|| Ok(Vec::new()), |body| body.whole_within(bytes_max, "feeds.taxii_page_bytes_max"))?;
            let (node, feed) = (self.clone(), run.feed.clone());
            let read = tokio::task::spawn_blocking(move || {
                let page = page(&bytes, objects_max)?;
                let beside = node.said_beside(&feed, &page.objects, &BOUNDS)?;
                Ok::<_, Stop>((bytes, page, beside))
            });
            let (bytes, page, mut beside) = read.await.map_err(|fault| NodeError::Internal(fault.to_string()))??;
            // Each object stands for itself: a newer version of one takes the place of what an older one said.
            let mut reading = Reading::default();
            reading.parts.extend(page.objects.indicators().map(|id| (part(id), BTreeSet::new())));
            let is_empty = page.objects.count == 0;
            let cursor = walk.cursor(&mut run.state);
            let before = cursor.clone();
            *cursor = turned(&before, &page, added_last);
            let stuck = page.more && *cursor == before;
            if walk == Walk::Again && !page.more {
                run.state.again = None;
            }
            if !is_empty {
                let said = std::mem::take(&mut beside.said);
                let read = self.read_apart(run, reading, move |node, feed, reading| {
                    let input = Box::new(io::Cursor::new(bytes).chain(io::Cursor::new(said)));
                    node.read_feed(feed, input, Some("page.json"), &|place| part(object_of(place)), reading)
                });
                reading = read.await?;
                self.say_late(run, beside, &mut reading, &BOUNDS)?;
            }
            self.take(run, reading, None).await?;
            if stuck {
                return Err(Fault::NotThat("it says that there is more, and not where").into());
            }
            if !page.more || run.how.dry_run {
                return Ok(left);
            }
        }
        Ok(0)
    }
}

/// A way through a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// From where the last one ended.
    News,
    /// From the beginning, through what has come before: nothing else brings what is unchanged once more.
    Again,
}

impl Walk {
    /// Where its next question begins.
    fn cursor(self, state: &mut StateRow) -> &mut Cursor {
        match self {
            Self::News => &mut state.cursor,
            Self::Again => state.again.get_or_insert_default(),
        }
    }
}

/// Where the next question begins, after a page.
fn turned(before: &Cursor, page: &Page, added_last: Option<String>) -> Cursor {
    // Times of one form stand in their order.
    let seen = before.seen.clone().max(added_last);
    let next = page.next.clone().filter(|next| page.more && !next.is_empty() && next.len() <= NEXT_BYTES_MAX);
    match (page.more, next) {
        // While pages follow, the question stays as it was: `next` goes with it (section 3.4 of TAXII 2.1).
        (true, Some(next)) => Cursor { added_after: before.added_after.clone(), next: Some(next), seen },
        _ => Cursor { added_after: seen.clone().or(before.added_after.clone()), next: None, seen },
    }
}

/// The address of the next page.
fn page_of(at: &str, cursor: &Cursor) -> Result<Url, Fault> {
    let mut url = address(at)?;
    let path = url.path().trim_end_matches('/');
    let path = format!("{}/objects/", path.strip_suffix("/objects").unwrap_or(path));
    url.set_path(&path);
    // medallion fails where `next` comes without it.
    url.query_pairs_mut().append_pair("limit", PAGE_OBJECTS);
    for (name, value) in [("added_after", &cursor.added_after), ("next", &cursor.next)] {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    Ok(url)
}

/// The id at the end of a place.
fn object_of(place: &str) -> &str {
    place.rsplit(' ').find(|word| word.contains("--")).unwrap_or(place)
}

/// A time as TAXII writes it: `2026-11-27T10:00:00.000000Z`.
fn is_time(text: &str) -> bool {
    text.len() <= 40 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        super::page(text.as_bytes(), 0).unwrap()
    }

    #[test]
    fn the_question_stays_while_pages_follow_and_moves_behind_the_last() {
        let last = |day: u8| Some(format!("2026-11-{day:02}T10:00:00.000001Z"));
        let begin = Cursor { added_after: last(1), ..Cursor::default() };
        let second = turned(&begin, &page(r#"{"more":true,"next":"a b","objects":[]}"#), last(2));
        assert_eq!(second, Cursor { added_after: last(1), next: Some("a b".into()), seen: last(2) });
        let url = page_of("https://t.example/api/collections/c/", &second).unwrap();
        assert_eq!(
            url.as_str(),
            "https://t.example/api/collections/c/objects/?limit=1000&added_after=2026-11-01T10%3A00%3A00.000001Z&next=a+b"
        );
        let done = turned(&second, &page(r#"{"more":false,"objects":[]}"#), last(3));
        assert_eq!(done, Cursor { added_after: last(3), next: None, seen: last(3) });
        // A page of nothing moves nothing, and a server without `next` is asked from where its page ended.
        assert_eq!(turned(&done, &page("{}"), None), done);
        assert_eq!(turned(&begin, &page(r#"{"more":true,"objects":[]}"#), last(2)).added_after, last(2));
    }

    #[test]
    fn a_time_is_one_or_counts_for_nothing() {
        assert!(is_time("2026-11-27T10:00:00.000000Z") && is_time("2026-11-27T10:00:00Z"));
        for bad in
            ["", "yesterday", "2026-11-27T10:00:00+01:00", "2026-11-27T10:00:00Z&next=Z", "2026-11-27T10:00:00.0000000000000000000000000Z"]
        {
            assert!(!is_time(bad), "{bad}");
        }
    }

    #[test]
    fn an_object_is_found_by_the_place_that_it_is_told_at() {
        assert_eq!(
            object_of("objects[7] indicator--00000000-0000-4000-8000-000000000002"),
            "indicator--00000000-0000-4000-8000-000000000002"
        );
    }
}
