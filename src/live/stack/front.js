// Shows the state as the server sends it (its texts are escaped), and asks it to load the VM.
"use strict";
const main = document.querySelector("main");
const connection = document.querySelector("#state");
const said = document.querySelector("#said");

const events = new EventSource("events");
events.addEventListener("open", () => { connection.textContent = "live"; });
events.addEventListener("error", () => { connection.textContent = "not connected"; });
events.addEventListener("state", (event) => {
  main.replaceChildren(...new DOMParser().parseFromString(event.data, "text/html").body.childNodes);
});
for (const button of document.querySelectorAll("button[data-seconds]")) {
  button.addEventListener("click", async () => {
    const answer = await fetch(`load?seconds=${button.dataset.seconds}`, { method: "POST", headers: { "X-Labkit": "1" } });
    said.textContent = answer.ok ? "" : await answer.text();
  });
}
