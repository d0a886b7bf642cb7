// A mark in an answer opens its passage in the side panel instead of leaving the page.
document.addEventListener("click", (event) => {
  const link = event.target.closest && event.target.closest('a[href*="#cite-"]');
  if (!link) return;
  event.preventDefault();
  event.stopPropagation();
  const passage = document.getElementById(link.getAttribute("href").split("#")[1]);
  if (!passage) return;
  document.querySelectorAll(".cite.lit").forEach((each) => each.classList.remove("lit"));
  passage.open = true;
  passage.classList.add("lit");
  passage.scrollIntoView({ behavior: "smooth", block: "center" });
}, true);
