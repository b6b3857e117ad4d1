// A request's page says when there is something new in it, as soon as it happens. It does not move what somebody reads or writes.
"use strict";
{
  const news = document.getElementById("news");
  let stream = null;
  const listen = () => {
    if (document.hidden || !news.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      stream = new EventSource(news.dataset.live);
      for (const kind of ["commented", "updated", "merged"]) {
        stream.addEventListener("ticket." + kind, message => {
          if (String(JSON.parse(message.data).ticket_number) !== news.dataset.number) return;
          news.hidden = false;
          listen();
        });
      }
    }
  };
  if (news) {
    listen();
    document.addEventListener("visibilitychange", listen);
  }
}
