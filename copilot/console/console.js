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

  // Follow the answer as it grows, until its question has reached the top; leave a reader who has
  // scrolled away alone.
  const follow = (scroller) => {
    if (scroller.dataset.followed) return;
    scroller.dataset.followed = "yes";
    let following = true;
    let count = 0;
    let placed = 0;
    scroller.addEventListener("scroll", () => {
      if (Math.abs(scroller.scrollTop - placed) > 4) following = false;
    });
    new MutationObserver(() => {
      const turns = scroller.querySelectorAll(".turn");
      if (turns.length !== count) following = true;
      count = turns.length;
      document.body.classList.toggle("talking", count > 0);
      if (!following || !count) return;
      const last = turns[count - 1].getBoundingClientRect();
      const top = last.top - scroller.getBoundingClientRect().top;
      const most = scroller.scrollHeight - scroller.clientHeight;
      placed = Math.max(0, Math.min(most, scroller.scrollTop + top - 20));
      scroller.scrollTop = placed;
    }).observe(scroller, { childList: true, subtree: true, characterData: true });
  };

  window.copilot = {
    follow,
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
