package views

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"

	"github.com/ezscale/ezscale/app/branding"
)

// A name on the stream makes the card ask for itself; the stream carries no
// HTML, and a lost stream comes back and makes everything live ask again.
func TestNamesOnTheStreamRedrawTheCard(t *testing.T) {
	t.Parallel()
	names, hangUp := make(chan string), make(chan struct{})
	var drawn, streams atomic.Int64
	server := site(t, map[string]http.HandlerFunc{
		"/events": func(w http.ResponseWriter, r *http.Request) {
			streams.Add(1)
			w.Header().Set("Content-Type", "text/event-stream")
			flush := http.NewResponseController(w).Flush
			_, _ = fmt.Fprint(w, ": hello\n\n")
			_ = flush()
			for {
				select {
				case name := <-names:
					_, _ = fmt.Fprintf(w, "event: %s\ndata: changed\n\n", name)
					_ = flush()
				case <-hangUp:
					return
				case <-r.Context().Done():
					return
				}
			}
		},
		"/usage/total": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("HX-Request") != "true" {
				t.Errorf("the card was asked for without HX-Request")
			}
			_ = totalCard(fmt.Sprintf("$%d.00", drawn.Add(1)), 0).Render(r.Context(), w)
		},
		"/live": func(w http.ResponseWriter, r *http.Request) {
			s := shopShell()
			s.Live = true
			_ = with(Page(s), html("<h1>Live</h1>"), totalCard("$0.00", 0)).Render(r.Context(), w)
		},
	})
	b := newTab(t)
	b.Go(server.URL + "/live")
	names <- "cost"
	b.See("the card after the first name", `document.querySelector("#total").textContent.includes("$1.00")`)
	names <- "something-else"
	names <- "cost"
	b.See("the card after the second name", `document.querySelector("#total").textContent.includes("$2.00")`)
	if got := drawn.Load(); got != 2 {
		t.Errorf("the card was drawn %d times for two names, want 2", got)
	}
	hangUp <- struct{}{}
	b.See("the card after a lost stream", `document.querySelector("#total").textContent.includes("$3.00")`)
	if got := streams.Load(); got != 2 {
		t.Errorf("%d streams were opened, want 2", got)
	}
	if said := b.Complaints(); len(said) > 0 {
		t.Errorf("the browser complained: %q", said)
	}
}

func totalCard(amount string, poll int) templ.Component {
	return with(Card(CardProps{Title: "This month", Live: &Live{ID: "total", URL: "/usage/total", Events: []string{"cost"}, Poll: poll}}), Stat(StatProps{Label: "Cost", Value: amount}))
}

// While something is in motion the card asks by itself; it stops when the
// answer is drawn at rest, and a broken server never replaces it.
func TestPollingStopsAtRest(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := site(t, map[string]http.HandlerFunc{
		"/usage/total": func(w http.ResponseWriter, r *http.Request) {
			switch asked.Add(1) {
			case 1:
				http.Error(w, "<b>a proxy's own page</b>", http.StatusBadGateway)
			case 2:
				_ = totalCard("at rest", 0).Render(r.Context(), w)
			default:
				t.Error("a card at rest was asked for")
			}
		},
		"/moving": func(w http.ResponseWriter, r *http.Request) {
			_ = with(Page(shopShell()), html("<h1>Moving</h1>"), totalCard("moving", 1)).Render(r.Context(), w)
		},
	})
	b := newTab(t)
	b.Go(server.URL + "/moving")
	b.See("a notice after the broken answer", `document.querySelector("#notice [role=alert]") && document.querySelector("#total").textContent.includes("moving")`)
	b.See("the card at rest", `document.querySelector("#total").textContent.includes("at rest")`)
	b.See("more than a poll's time", `performance.now() - (window.restedAt ||= performance.now()) > 1500`)
	if got := asked.Load(); got != 2 {
		t.Errorf("the card was asked for %d times, want 2", got)
	}
}

// A refused form comes back in place: its summary has the focus, its button
// works again, and a pressed button keeps its focus when all went well.
func TestFormsSentInPlace(t *testing.T) {
	t.Parallel()
	form := func(errors []FieldError, said string) templ.Component {
		return block(`<section id="box">`, FormErrors("", errors), with(Form(FormProps{Action: "/save", Target: "#box", Class: "form"}),
			Field(FieldProps{Name: "name", Label: "Name", Optional: true, Error: said}), Button(ButtonProps{ID: "save", Label: "Save", Kind: Primary})))
	}
	var posts atomic.Int64
	release := make(chan struct{})
	server := site(t, map[string]http.HandlerFunc{
		"/form": func(w http.ResponseWriter, r *http.Request) {
			_ = with(Page(shopShell()), html("<h1>Form</h1>"), form(nil, "")).Render(r.Context(), w)
		},
		"/save": func(w http.ResponseWriter, r *http.Request) {
			switch posts.Add(1) {
			case 1:
				<-release
				w.WriteHeader(http.StatusUnprocessableEntity)
				_ = form([]FieldError{{"name", "Write a name."}}, "Write a name.").Render(r.Context(), w)
			case 2:
				_ = templ.Join(form(nil, ""), NoticeAlso(Notice{Tone: ToneGood, Text: "Saved."})).Render(r.Context(), w)
			default:
				w.Header().Set("HX-Retarget", NoticeTarget)
				w.Header().Set("HX-Reswap", "innerHTML")
				w.WriteHeader(http.StatusInternalServerError)
				_ = NoticeFragment(Notice{Tone: ToneBad, Text: "That did not work.", RequestID: "r-9"}).Render(r.Context(), w)
			}
		},
	})
	b := newTab(t)
	b.Go(server.URL + "/form")
	b.Click("#save")
	b.See("the button switched off while sending", `document.querySelector("#save").disabled && document.querySelector("#box").getAttribute("aria-busy") === "true"`)
	close(release)
	b.See("the summary with the focus", `document.activeElement.matches("[data-form-errors]") && document.querySelector("#field-name").getAttribute("aria-invalid") === "true"`)
	b.Click("#save")
	b.See("the notice that rides along", `document.querySelector("#notice .notice-good") && !document.querySelector("[data-form-errors]")`)
	b.See("the focus back on the button", `document.activeElement.id === "save"`)
	b.Click("#save")
	b.See("the error in the notice region", `document.querySelector("#notice .notice-bad code")?.textContent === "r-9" && document.querySelector("#box form")`)
	for _, said := range b.Complaints() {
		if !strings.Contains(said, "Failed to load resource") { // the browser reports each status above 399
			t.Errorf("the browser complained: %q", said)
		}
	}
}

func TestLostNetworkIsSaid(t *testing.T) {
	t.Parallel()
	server := site(t, map[string]http.HandlerFunc{
		"/form": func(w http.ResponseWriter, r *http.Request) {
			_ = with(Page(shopShell()), html(`<h1>Form</h1><div id="box"></div>`), ActionButton(FormProps{Action: "/save", Target: "#box"}, ButtonProps{ID: "save", Label: "Save"})).Render(r.Context(), w)
		},
		"/save": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	})
	b := newTab(t)
	b.Go(server.URL + "/form")
	b.Click("#save")
	b.See("the notice", `document.querySelector("#notice [role=alert]")?.textContent.includes("cannot be reached") && !document.querySelector("#save").disabled`)
}

// The clock ticks the time, shows the server's next figure once its time has
// come, and nothing in between.
func TestRunningClock(t *testing.T) {
	t.Parallel()
	server := site(t, map[string]http.HandlerFunc{
		"/clock": func(w http.ResponseWriter, r *http.Request) {
			p := timer()
			p.NextAt = p.Now.Add(2500e6)
			s := shopShell()
			s.Live = true
			_ = with(Page(s), html("<h1>Clock</h1>"), with(CostTimer(p), RunningCost(p), Ring(p.Ring()))).Render(r.Context(), w)
		},
	})
	b := newTab(t)
	b.Go(server.URL + "/clock")
	b.See("a tick before the block ends", `document.querySelector("[data-show=elapsed]").textContent === "2 h 37 min 01 s" && document.querySelector("[data-show=cost]").textContent === "$0.55"`)
	b.See("the next figure", `document.querySelector("[data-show=cost]").textContent === "$0.60" && document.querySelector("[data-ring]").getAttribute("stroke-dasharray") === "0.0 100"`)
	if got := b.Eval(`document.title`); got != "● $0.60 · Developer Basic · Northwind Desktops" {
		t.Errorf("the title is %q", got)
	}
	if said := b.Complaints(); len(said) > 0 {
		t.Errorf("the browser complained: %q", said)
	}
}

// With scripts off the menus and questions still work: they are the browser's own.
func TestMenusWithoutScripts(t *testing.T) {
	t.Parallel()
	server, b := site(t, nil), newTab(t)
	b.NoScripts()
	visible := func(selector string) string {
		return fmt.Sprintf("document.querySelector(%q).checkVisibility()", selector)
	}
	b.Go(server.URL + "/")
	b.See("the menu closed", "!"+visible("#account-menu"))
	b.Click(".avatar")
	b.See("the menu open", visible("#account-menu form button"))
	b.Click("[popovertarget=destroy-7]")
	b.See("the question", visible("#destroy-7 form button"))
	picture(t, b, "confirm.png")
}

// The harness must be able to fail: a page that breaks the policy is heard.
func TestPolicyViolationsAreHeard(t *testing.T) {
	t.Parallel()
	server := site(t, map[string]http.HandlerFunc{
		"/bad": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `<!doctype html><title>x</title><p style="color:red">x</p><script>alert(1)</script>`)
		},
	})
	b := newTab(t)
	b.Go(server.URL + "/bad")
	if said := strings.Join(b.Complaints(), "\n"); !strings.Contains(said, "style") || !strings.Contains(said, "script") {
		t.Errorf("a page against the policy was not reported: %q", said)
	}
}

// On paper an invoice is the document alone, with its figures in columns.
func TestInvoiceOnPaper(t *testing.T) {
	t.Parallel()
	server, b := site(t, nil), newTab(t)
	b.Paper()
	b.Size(600, 850)
	b.Go(server.URL + "/invoice")
	shown := `[...document.querySelectorAll(".site-head, .site-foot, .btn, .skip")].filter((e) => e.checkVisibility()).map((e) => e.className).join()`
	if got := b.Eval(shown); got != "" {
		t.Errorf("on paper one sees %s", got)
	}
	if got := b.Eval(`getComputedStyle(document.querySelector(".doc td")).display`); got != "table-cell" {
		t.Errorf("on paper the figures stand as %s", got)
	}
	picture(t, b, "paper.png")
}

// The pages stay readable under brands that would not be by themselves.
func TestDifficultBrandsStayReadable(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	for _, pair := range [][2]string{{"#facc15", "#fde047"}, {"#ffffff", "#fafafa"}, {"#000000", "#0a0a0a"}, {"#0000ff", "#ff00ff"}, {"#808080", "#7f7f7f"}} {
		brand := northwind()
		var err error
		if brand.Primary, err = branding.ParseColour(pair[0]); err != nil {
			t.Fatal(err)
		}
		if brand.Secondary, err = branding.ParseColour(pair[1]); err != nil {
			t.Fatal(err)
		}
		server := site(t, map[string]http.HandlerFunc{"/brand.css": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/css")
			_, _ = w.Write(branding.CSS(brand))
		}})
		for _, scheme := range []string{"light", "dark"} {
			b.Scheme(scheme)
			for _, path := range []string{"/", "/order", "/front", "/brand"} {
				b.Go(server.URL + path)
				if got := b.Wrong(); got != "" {
					t.Errorf("%s under %v, %s:\n%s", path, pair, scheme, got)
				}
				picture(t, b, fmt.Sprintf("brand%s-%s-%s.png", pair[0], strings.Trim(path, "/"), scheme))
			}
		}
	}
}
