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

// Follow the answer as it grows, until its question has reached the top; leave a reader who has
// scrolled away alone.
const scroller = element.closest("#turns");
let follow = true;
let count = 0;
let placed = 0;
scroller.addEventListener("scroll", () => {
  if (Math.abs(scroller.scrollTop - placed) > 4) follow = false;
});
new MutationObserver(() => {
  const turns = element.querySelectorAll(".turn");
  if (turns.length !== count) follow = true;
  count = turns.length;
  document.body.classList.toggle("talking", count > 0);
  if (!follow || !count) return;
  const top = turns[count - 1].getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  const most = scroller.scrollHeight - scroller.clientHeight;
  placed = Math.max(0, Math.min(most, scroller.scrollTop + top - 20));
  scroller.scrollTop = placed;
}).observe(element, { childList: true, subtree: true, characterData: true });
