// What the pages cannot say in HTML: a lost network, focus after a swap, what is busy.
(() => {
  const notice = (text) => {
    const region = document.getElementById("notice");
    if (!region) return;
    const box = document.createElement("p");
    box.className = "notice notice-bad";
    box.setAttribute("role", "alert");
    box.textContent = text;
    region.replaceChildren(box);
  };
  const streaming = (ctx) => ctx?.sourceElement?.id === "live";

  // Buttons are switched off while sending, which takes their focus away: remember it before.
  document.addEventListener("htmx:config:request", (event) => {
    const on = document.activeElement;
    if (event.detail.ctx.sourceElement.contains(on)) event.detail.ctx.pressed = on.id;
  });
  document.addEventListener("htmx:before:request", (event) => {
    const ctx = event.detail.ctx;
    if (streaming(ctx)) return;
    ctx.busy = ctx.target; // the answer may name another target
    ctx.busy?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:finally:request", (event) => event.detail.ctx.busy?.removeAttribute("aria-busy"));

  // An error that is not the form or the card again must never replace the card.
  document.addEventListener("htmx:before:swap", (event) => {
    const { response, hx } = event.detail.ctx;
    if (!response || response.status < 400 || [409, 422].includes(response.status) || hx?.retarget) return;
    event.preventDefault();
    notice("That did not work. Reload the page and try again.");
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const { pressed, target, response } = event.detail.ctx;
    const summary = response?.status === 422 && document.querySelector("[data-form-errors]");
    // Whoever pressed something stays there, or comes to what stands in its place.
    const lost = pressed && document.activeElement === document.body;
    const place = lost && document.getElementById(target?.id)?.querySelectorAll("summary, .btn");
    const back = lost && [document.getElementById(pressed), ...(place || [])].find((e) => e?.checkVisibility());
    (summary || back)?.focus?.();
  });

  document.addEventListener("htmx:error", (event) => {
    if (!event.detail.ctx || streaming(event.detail.ctx)) return;
    notice("We cannot be reached at the moment. Check your connection; what you see may be out of date.");
    document.querySelector("#notice > p")?.setAttribute("data-lost", "");
  });

  // After a pause of the stream the page may have missed something: everything live asks again.
  let streams = 0;
  document.addEventListener("htmx:sse:after:connection", () => {
    if (streams++ === 0) return;
    document.querySelector("#notice > [data-lost]")?.remove();
    document.body.dispatchEvent(new CustomEvent("live-again"));
  });

  document.addEventListener("focusin", (event) => event.target.matches?.("[data-select]") && event.target.select());
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
})();
