// Runs once in Gradio's component `#turns`, with `element` and `trigger`. Buttons inside say in
// `data-do` what they do: 'example' and 'rate' are Gradio events, the rest happens in the page.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const what = button.dataset.do;
  if (what === "example") trigger("example", { name: button.dataset.name });
  if (what === "rate") {
    trigger("rate", { answer: button.dataset.answer, rating: button.dataset.rating });
  }
  if (what === "copy") window.copilot.copy(button);
});

// Follow the answer as it grows, unless the reader has scrolled up.
const scroller = element.closest("#turns");
let follow = true;
let count = 0;
scroller.addEventListener("scroll", () => {
  follow = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
});
new MutationObserver(() => {
  const now = scroller.querySelectorAll(".turn").length;
  if (now !== count) follow = true;
  count = now;
  document.body.classList.toggle("talking", now > 0);
  if (follow) scroller.scrollTop = scroller.scrollHeight;
}).observe(element, { childList: true, subtree: true, characterData: true });
