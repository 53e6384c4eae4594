"use strict";
(() => {
  const el = (id) => document.getElementById(id);
  const screen = el("screen");
  let timer = 0;

  const parse = () => {
    const part = location.hash.split("?")[0].split("/");
    if (part.length !== 6 || part[1] !== "connect" || part[2] !== "kasm") return null;
    return { kasm_id: part[3], user_id: part[4], token: part[5] };
  };

  const tell = (view, title, message) => {
    screen.dataset.view = view;
    el("title").textContent = title;
    el("message").textContent = message;
    el("facts").hidden = view !== "desktop";
    document.title = title;
  };

  const show = (d) => {
    const words = d.state === "running" ? "Your desktop is running." : "This session is currently " + d.state + ".";
    tell("desktop", d.image || "Desktop", words);
    el("user").textContent = d.username;
    el("state").textContent = d.state;
    el("state").dataset.state = d.state;
    el("size").textContent = d.cores + " vCPU, " + d.memory_mb + " MB";
    el("kasm").textContent = d.kasm_id;
    el("clock").textContent = d.now.slice(0, 19).replace("T", " ") + " UTC";
    el("clock").dateTime = d.now;
  };

  const connect = async () => {
    clearTimeout(timer);
    const link = parse();
    if (!link) return;
    try {
      const answer = await fetch("/sim/connect", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(link) });
      const body = await answer.json();
      if (answer.ok) {
        show(body);
      } else {
        tell("refused", "Unauthorized Session Access", body.error_message || "This link no longer works.");
        return;
      }
    } catch {
      tell("refused", "Connection lost", "The desktop does not answer. Trying again.");
    }
    timer = setTimeout(connect, 5000);
  };

  addEventListener("hashchange", connect);
  connect();
})();
