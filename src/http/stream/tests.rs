//! Bounded, ordered, and ended from both sides.

use http_body_util::BodyExt as _;

use super::*;

async fn next(body: &mut ResponseBody) -> Option<Bytes> {
    Some(body.frame().await?.unwrap().into_data().unwrap())
}

fn handle(body: &ResponseBody) -> StreamHandle {
    body.stream().unwrap()
}

#[tokio::test]
async fn parts_come_out_in_order_and_the_end_after_them() {
    let (sender, mut body) = stream(2);
    sender.send("one".into()).await.unwrap();
    sender.send(Bytes::new()).await.unwrap();
    sender.send("two".into()).await.unwrap();
    drop(sender);
    assert_eq!(next(&mut body).await.unwrap(), "one");
    assert_eq!(next(&mut body).await.unwrap(), "two");
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn a_full_buffer_refuses_and_grows_no_further() {
    let (sender, mut body) = stream(2);
    for _ in 0..2 {
        sender.offer("part".into()).unwrap();
    }
    assert_eq!(sender.offer("part".into()), Err(Refused::Full));
    let waiting = tokio::spawn(async move { sender.send("third".into()).await.map(|()| sender) });
    assert_eq!(next(&mut body).await.unwrap(), "part");
    let sender = waiting.await.unwrap().unwrap();
    assert_eq!(sender.offer("part".into()), Err(Refused::Full));
    assert_eq!(
        (next(&mut body).await.unwrap(), next(&mut body).await.unwrap()),
        ("part".into(), "third".into())
    );
}

#[tokio::test]
async fn who_waits_for_room_hears_that_the_client_has_gone() {
    let (sender, body) = stream(1);
    sender.offer("part".into()).unwrap();
    let waiting = tokio::spawn(async move {
        let sent = sender.send("next".into()).await;
        sender.gone().await;
        (sent, sender.is_gone(), sender.offer("more".into()))
    });
    drop(body);
    assert_eq!(waiting.await.unwrap(), (Err(Gone), true, Err(Refused::Gone(Gone))));
}

#[tokio::test]
async fn a_stream_that_the_listener_ends_gives_what_it_has_and_takes_no_more() {
    let (sender, mut body) = stream(4);
    sender.offer("last".into()).unwrap();
    handle(&body).end();
    assert_eq!(sender.send("late".into()).await, Err(Gone));
    assert_eq!(next(&mut body).await.unwrap(), "last");
    assert!(hyper::body::Body::is_end_stream(&body));
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn the_end_wakes_who_waits_for_a_part() {
    let (sender, mut body) = stream(4);
    let handle = handle(&body);
    let reading = tokio::spawn(async move { next(&mut body).await });
    while sender.0.state().reader.is_none() {
        tokio::task::yield_now().await;
    }
    handle.end();
    assert_eq!(reading.await.unwrap(), None);
}

#[tokio::test]
async fn a_part_waits_from_when_it_could_have_been_taken() {
    let (sender, mut body) = stream(4);
    let handle = handle(&body);
    assert_eq!(handle.waiting_since(), None);
    sender.offer("one".into()).unwrap();
    let first = handle.waiting_since().unwrap();
    sender.offer("two".into()).unwrap();
    assert_eq!(handle.waiting_since(), Some(first), "the first is the one that waits");
    next(&mut body).await.unwrap();
    assert!(handle.waiting_since().unwrap() > first, "it got on");
    next(&mut body).await.unwrap();
    assert_eq!(handle.waiting_since(), None);
}
