// What a run costs that lasts so many minutes, or how long an amount lasts: worked out while it is typed.
// The server says the same for an hour, and has the last word. Money is counted in millionths.
class RunHint extends HTMLElement {
  connectedCallback() {
    const { of, block, price, currency } = this.dataset;
    const field = this.closest("form")?.elements[of];
    const text = this.textContent;
    const money = (millionths) => new Intl.NumberFormat("en", { style: "currency", currency, maximumFractionDigits: 6 }).format(millionths / 1e6);
    const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
    const during = (minutes) => [[Math.floor(minutes / 60), "hour"], [minutes % 60, "minute"]].filter(([n]) => n > 0).map(([n, what]) => plural(n, what)).join(" ");
    const said = (typed) => {
      if (of === "run_for") return `${plural(typed, "minute")} cost ${money(Math.ceil((typed * 60) / block) * price)} at most.`;
      const blocks = Math.floor(Math.round(typed * 1e6) / price);
      return blocks ? `${money(typed * 1e6)} buys ${during(Math.floor((blocks * block) / 60))}.` : `One block costs ${money(price)}; give at least that.`;
    };
    this.tell = () => {
      const typed = Number(field.value);
      this.textContent = typed > 0 && typed < 1e6 && price > 0 ? said(typed) : text;
    };
    if (!field) return;
    field.addEventListener("input", this.tell);
    this.tell();
  }
}
customElements.define("run-hint", RunHint);
