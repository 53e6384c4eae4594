// The running clock of one desktop. It ticks the time and the paid minutes that are left.
// The cost is only ever a figure of the server: data-cost, and data-next-cost from data-next-at on.
// data-now is the server's clock when the page was drawn; the visitor's clock is never trusted.
class CostTimer extends HTMLElement {
  connectedCallback() {
    this.drawn = performance.now();
    this.at = (name) => Date.parse(this.dataset[name]);
    this.onVisible = () => (document.hidden ? this.stop() : this.start());
    document.addEventListener("visibilitychange", this.onVisible);
    this.onVisible();
  }

  disconnectedCallback() {
    this.stop();
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  start() {
    this.stop();
    this.tick();
    this.timer = setInterval(() => this.tick(), 1000);
  }

  stop() {
    clearInterval(this.timer);
  }

  tick() {
    const now = this.at("now") + performance.now() - this.drawn;
    const left = Math.max(0, Math.ceil((this.at("nextAt") - now) / 1000));
    const reached = this.dataset.nextCost && now >= this.at("nextAt");
    const cost = reached ? this.dataset.nextCost : this.dataset.cost;
    const ends = Math.max(0, Math.ceil((this.at("stopsAt") - now) / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const gone = Math.max(0, Math.floor((now - this.at("startedAt")) / 1000));
    const hours = Math.floor(gone / 3600);
    const minutes = Math.floor(gone / 60) % 60;
    this.show("elapsed", (hours ? `${hours} h ${two(minutes)} min ` : `${minutes} min `) + `${two(gone % 60)} s`);
    this.show("cost", cost);
    if (!Number.isNaN(left)) {
      this.show("left", `${Math.floor(left / 60)}:${two(left % 60)}`);
      const share = Math.min(100, (100 * left) / Number(this.dataset.blockSeconds || 900));
      this.querySelector("[data-ring]")?.setAttribute("stroke-dasharray", `${share.toFixed(1)} 100`);
    }
    if (!Number.isNaN(ends)) this.show("stops", `${Math.floor(ends / 60)}:${two(ends % 60)}`);
    if (this.dataset.title) document.title = `● ${cost} · ${this.dataset.title}`;
  }

  show(part, text) {
    const place = this.querySelector(`[data-show="${part}"]`);
    if (place && place.textContent !== text) place.textContent = text;
  }
}
customElements.define("cost-timer", CostTimer);
