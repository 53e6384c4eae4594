package browsertest

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long a person waits for what should happen.
const patience = time.Minute

// Go opens an address.
func (b *Tab) Go(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
}

func (b *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// Press clicks the visible link, button, summary or choice of that name.
func (b *Tab) Press(name string) {
	b.t.Helper()
	found := fmt.Sprintf(`[...document.querySelectorAll("a, button, summary, label.choice")].find((e) => e.checkVisibility() &&
		[e.textContent, e.getAttribute("aria-label"), e.querySelector("b")?.textContent].some((s) => s?.trim().replace(/\s+/g, " ") === %q))`, name)
	b.click(name, found)
}

// Click clicks what a selector finds.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.click(selector, fmt.Sprintf(`document.querySelector(%q)`, selector))
}

// click brings the element into the middle of the screen and presses it when it
// has come to rest there, as a person would.
func (b *Tab) click(name, element string) {
	b.t.Helper()
	last := ""
	b.until("something at rest called "+name, func() (bool, error) {
		at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`((e) => { if (!e || document.readyState === "loading") return "";
			e.scrollIntoView({ block: "center", behavior: "instant" }); const r = e.getBoundingClientRect(); return [location, r.x, r.y, r.width, r.height].join() })(%s)`, element)))
		rests := err == nil && at != "" && at == last
		last = at
		return rests, err
	})
	b.do("press "+name, chromedp.Click(chromedp.JSPath(element)))
}

// until asks again and again; while a page gives way to the next there is
// nothing to ask.
func (b *Tab) until(what string, so func() (bool, error)) {
	b.t.Helper()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		yes, err := so()
		if yes && err == nil {
			return
		}
		if b.ctx.Err() != nil || time.Now().After(deadline) {
			b.t.Fatalf("%s is not to be seen at %s (%v)", what, b.Where(), err)
		}
	}
}

// Fill writes into the field of that name, in place of what stands there.
func (b *Tab) Fill(name, text string) {
	b.t.Helper()
	b.FillIn(fmt.Sprintf("[name=%q]", name), text)
}

// FillIn writes into the field that a selector finds.
func (b *Tab) FillIn(selector, text string) {
	b.t.Helper()
	b.See(selector, fmt.Sprintf(`document.querySelector(%q)`, selector))
	b.do("fill "+selector, chromedp.Focus(chromedp.CSS(selector)))
	b.Eval(fmt.Sprintf(`document.querySelector(%q).select()`, selector))
	b.Type(text)
}

// Upload chooses a file for the field of that name.
func (b *Tab) Upload(name, file string) {
	b.t.Helper()
	b.do("upload "+file, chromedp.SetUploadFiles(chromedp.CSS(fmt.Sprintf("[name=%q]", name)), []string{file}))
}

// Type writes at the cursor.
func (b *Tab) Type(text string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.t.Fatalf("type: %v", err)
	}
}

// Key strikes one key, such as kb.Tab, kb.Enter or a space.
func (b *Tab) Key(key string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	b.do("strike a key", chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers...)))
}

// Eval gives an expression's value as text.
func (b *Tab) Eval(expression string) string {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// See waits until an expression is true, over as many pages as that takes.
func (b *Tab) See(what, expression string) {
	b.t.Helper()
	b.until(what+", that is "+expression+",", func() (bool, error) {
		return chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	})
}

// Reads waits until the page says all of these.
func (b *Tab) Reads(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.See("“"+text+"”", fmt.Sprintf(`document.readyState !== "loading" && document.body?.innerText.replace(/\s+/g, " ").includes(%q)`, text))
	}
}

// At waits until the tab shows a path, with its page read.
func (b *Tab) At(path string) {
	b.t.Helper()
	b.See("the page "+path, fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
}

// Where is the address that the tab shows.
func (b *Tab) Where() string {
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href`))
	if err != nil {
		return "an unknown address"
	}
	return v
}

// Size makes the window so large, in CSS pixels.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	b.do("set the size", chromedp.EmulateViewport(width, height))
}

// Scheme makes the person prefer light or dark pages. Nobody here wants motion:
// a press while one page still fades into the next is lost.
func (b *Tab) Scheme(name string) {
	b.t.Helper()
	b.media(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// Paper shows pages as they are printed.
func (b *Tab) Paper() {
	b.t.Helper()
	b.media(emulation.SetEmulatedMediaParams{Media: "print"})
}

func (b *Tab) media(p emulation.SetEmulatedMediaParams) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

// NoScripts lets pages run no script from now on.
func (b *Tab) NoScripts() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
}

// Picture writes the whole page into a file.
func (b *Tab) Picture(path string) error {
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return fmt.Errorf("take a picture: %w", err)
	}
	return os.WriteFile(path, png, 0o600)
}

// leavePicture leaves what was on the screen when the test failed.
func (b *Tab) leavePicture() {
	if !b.t.Failed() {
		return
	}
	name := strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name())
	path := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d.png", name, time.Now().UnixNano()))
	if err := b.Picture(path); err != nil {
		b.t.Logf("at %s: %v", b.Where(), err)
		return
	}
	b.t.Logf("at %s, as in %s", b.Where(), path)
}

//go:embed checks.js
var checks string

// Wrong says what is wrong with the page on the screen, a line for each thing:
// wider than the screen, hard to read, targets too small, controls without a name.
// It looks when no colour is on its way to another.
func (b *Tab) Wrong() string {
	b.t.Helper()
	b.See("the page at rest", `document.readyState === "complete" && document.getAnimations().every((a) => a.playState !== "running" || a.effect.getComputedTiming().endTime === Infinity)`)
	wrong, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](checks))
	if err != nil {
		b.t.Fatalf("check the page: %v", err)
	}
	return wrong
}

// CarryCookies gives one address what another has left in the browser, as a
// thief or a careless proxy would.
func (b *Tab) CarryCookies(from, to string) {
	b.t.Helper()
	held, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{from}})
	if err != nil || len(held.Cookies) == 0 {
		b.t.Fatalf("%s has left no cookie (%v)", from, err)
	}
	for _, c := range held.Cookies {
		b.Cookie(to, c.Name, c.Value)
	}
}

// Cookie puts a cookie for an address into the browser.
func (b *Tab) Cookie(url, name, value string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: url}); err != nil {
		b.t.Fatal(err)
	}
}
