// A request's page says when there is something new in it: it asks now and then, while somebody looks.
"use strict";
{
  const news = document.getElementById("news");
  const ask = async () => {
    if (document.hidden || !news.hidden) return;
    try {
      const answer = await fetch(news.dataset.live, {
        headers: { "If-None-Match": '"' + news.dataset.version + '"', Accept: "application/json" },
      });
      if (answer.ok) news.hidden = false;
    } catch { /* the next time */ }
  };
  if (news) {
    setInterval(ask, 20000);
    document.addEventListener("visibilitychange", ask);
  }
}
