// Keeps the page up to date. The server sends articles whose text is escaped; what they hold is parsed without being run.
"use strict";
const main = document.querySelector("main");
const state = document.querySelector("#state");

function elements(html) {
  return [...new DOMParser().parseFromString(html, "text/html").body.children];
}

// Who reads the newest message keeps seeing the newest one; who reads an older one is left alone.
function change(edit) {
  const root = document.documentElement;
  const follows = root.scrollHeight - root.scrollTop - root.clientHeight < 120;
  edit();
  if (follows) {
    root.scrollTop = root.scrollHeight;
  }
}

const events = new EventSource(main.dataset.events);
events.addEventListener("open", () => { state.textContent = "live"; });
events.addEventListener("error", () => { state.textContent = "not connected"; });
events.addEventListener("all", (event) => change(() => main.replaceChildren(...elements(event.data))));
events.addEventListener("article", (event) => change(() => {
  for (const article of elements(event.data)) {
    const old = document.getElementById(article.id);
    if (old) {
      old.replaceWith(article);
    } else {
      main.append(article);
    }
  }
}));
document.documentElement.scrollTop = document.documentElement.scrollHeight;
