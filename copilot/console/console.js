// The page's own behaviour, beside Gradio's.
(() => {
  const panel = () => document.getElementById("panel");

  // A mark in an answer, or a line of its sources, opens the passage in the panel.
  const open = (id) => {
    const passage = document.getElementById(id);
    if (!passage || !panel().contains(passage)) return;
    document.querySelectorAll("#panel .lit").forEach((each) => each.classList.remove("lit"));
    document.querySelectorAll("#panel .passages").forEach((each) => {
      each.classList.toggle("shown", each.contains(passage));
      each.classList.toggle("other", !each.contains(passage));
    });
    passage.open = true;
    passage.classList.add("lit");
    document.body.classList.add("reading");
    (passage.querySelector("mark") || passage).scrollIntoView({ block: "center" });
  };

  const shut = () => document.body.classList.remove("reading");

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    const link = at && at.closest('a[href^="#cite-"]');
    if (link) {
      event.preventDefault();
      event.stopPropagation();
      open(link.getAttribute("href").slice(1));
    } else if (at && at.closest("#shut")) {
      shut();
    }
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut();
    // Enter that ends the composition of Chinese characters sends nothing.
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) {
      event.stopPropagation();
    }
  }, true);

  // Whoever has been signed out meanwhile is asked to sign in again.
  const fetched = window.fetch.bind(window);
  window.fetch = async (...args) => {
    const response = await fetched(...args);
    if (response.status === 401 && new URL(response.url).pathname.startsWith("/console/")) {
      window.location.assign("/login");
    }
    return response;
  };

  const copyText = async (text) => {
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(text);
      return;
    }
    // Plain http in a local network has no clipboard.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };

  window.copilot = {
    async copy(button) {
      const answer = button.closest(".answer");
      const parts = [answer.querySelector(".said").innerText];
      answer.querySelectorAll(".sources li").forEach((each) => {
        const number = each.querySelector(".n").innerText;
        parts.push(`[${number}] ${each.querySelector("a").lastElementChild.innerText}`);
      });
      const said = button.textContent;
      await copyText(parts.join("\n"));
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = said; }, 1600);
    },
  };
})();
