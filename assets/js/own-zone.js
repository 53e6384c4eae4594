// The time zone of a schedule that nobody has made yet: the visitor's own. Without scripts it is the shop's.
class OwnZone extends HTMLElement {
  connectedCallback() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const select = this.querySelector("select");
    if (!zone || !select) return;
    if (![...select.options].some((o) => o.value === zone)) select.prepend(new Option(zone.replaceAll("_", " "), zone));
    select.value = zone;
  }
}
customElements.define("own-zone", OwnZone);
