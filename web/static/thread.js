// A request's page says when there is something new in it, as soon as it happens. It does not move what somebody reads or
// writes. What happened since the page was made counts, too.
"use strict";
{
  const news = document.getElementById("news");
  const url = news && new URL(news.dataset.live, location);
  let stream = null, again = 0;
  const tell = () => { news.hidden = false; listen(); };
  const listen = () => {
    clearTimeout(again);
    stream?.close();
    stream = null;
    if (document.hidden || !news.hidden) return;
    stream = new EventSource(url);
    stream.addEventListener("reload", tell);
    for (const kind of ["commented", "updated", "merged"]) {
      stream.addEventListener("ticket." + kind, message => {
        url.searchParams.set("last_event_id", message.lastEventId);
        if (String(JSON.parse(message.data).ticket_number) === news.dataset.number) tell();
      });
    }
    // A browser comes back by itself after a lost connection, but not after another answer: that of a node which is busy, or starts.
    stream.addEventListener("error", e => { if (e.target.readyState === EventSource.CLOSED) again = setTimeout(listen, 15000); });
  };
  if (news) {
    listen();
    document.addEventListener("visibilitychange", listen);
  }
}
