// Runs in each of Gradio's components with turns, with `element` and `trigger`. Buttons inside say
// in `data-do` what they do: 'example' and 'rate' are Gradio events, the rest happens in the page.
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
window.copilot.follow(element.closest("#turns"));
