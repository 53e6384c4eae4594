package stripefake

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

type session struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	URL      string            `json:"url"`
	Mode     string            `json:"mode"`
	Status   string            `json:"status"`
	Paid     string            `json:"payment_status"`
	Customer string            `json:"customer"`
	Intent   *intent           `json:"payment_intent"`
	Setup    *setupIntent      `json:"setup_intent"`
	Metadata map[string]string `json:"metadata"`
	Success  string            `json:"success_url"`
	Cancel   string            `json:"cancel_url"`
	amount   int64
	currency string
	name     string
	meta     map[string]string // of what comes of it
	keep     bool              // the card, for later charges
	said     string            // about the last try
	number   string            // of a card whose bank is being asked
}

func (f *Fake) createSession(a *account, r *request) answer {
	if a.customers[r.form.Get("customer")] == nil {
		return missing("customer", r.form.Get("customer"))
	}
	s := &session{ID: newID("cs_test"), Object: "checkout.session", Mode: r.form.Get("mode"), Status: "open", Paid: "unpaid", Customer: r.form.Get("customer"),
		Metadata: metadata(r.form, "metadata"), Success: r.form.Get("success_url"), Cancel: r.form.Get("cancel_url")}
	s.URL = f.base + "/c/pay/" + s.ID
	switch s.Mode {
	case "setup":
		s.meta = metadata(r.form, "setup_intent_data[metadata]")
		s.Setup = &setupIntent{ID: newID("seti"), Object: "setup_intent", Status: "requires_payment_method", Customer: s.Customer, Metadata: s.meta}
		a.setups[s.Setup.ID] = s.Setup
	case "payment":
		const price = "line_items[0][price_data]"
		amount, err := strconv.ParseInt(r.form.Get(price+"[unit_amount]"), 10, 64)
		s.amount, s.currency, s.name, s.meta = amount, r.form.Get(price+"[currency]"), r.form.Get(price+"[product_data][name]"), metadata(r.form, "payment_intent_data[metadata]")
		s.keep = r.form.Get("payment_intent_data[setup_future_usage]") == "off_session"
		if err != nil || amount < 1 || r.form.Get("line_items[0][quantity]") != "1" {
			return wrong("line_items", "Invalid line items.")
		}
		if amount < least(s.currency) {
			return failed(400, "invalid_request_error", "amount_too_small", "The total must convert to at least the minimum.")
		}
	default:
		return wrong("mode", "Invalid mode: "+s.Mode)
	}
	a.sessions[s.ID] = s
	return ok(s)
}

func (f *Fake) getSession(a *account, r *request) answer {
	if s := a.sessions[r.id]; s != nil {
		return ok(s)
	}
	return missing("checkout session", r.id)
}

func (f *Fake) expireSession(a *account, r *request) answer {
	s := a.sessions[r.id]
	switch {
	case s == nil:
		return missing("checkout session", r.id)
	case s.Status != "open":
		return wrong("", "Only Checkout Sessions with a status of open can be expired.")
	}
	f.end(a, s)
	return ok(s)
}

func (f *Fake) end(a *account, s *session) {
	s.Status = "expired"
	if s.Intent != nil && s.Intent.Status != "succeeded" {
		s.Intent.Status = "canceled"
	}
	f.announce(a, "checkout.session.expired", s)
}

// Expire lets a customer's page run out, as it does after a day.
func (f *Fake) Expire(secret, sessionID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.of(secret)
	if s := a.sessions[sessionID]; s != nil && s.Status == "open" {
		f.end(a, s)
	}
}

// Visit is a customer at a checkout page who types a card number and, when the bank
// asks, confirms. It gives the address that they are sent to, and whether it went
// well. An unknown page goes nowhere.
func (f *Fake) Visit(sessionID, number string, confirm bool) (next string, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, s := f.find(sessionID)
	if s == nil || s.Status != "open" {
		return "", false
	}
	if asks(number) && !confirm {
		s.said = "Your bank did not confirm the payment."
		return s.URL, false
	}
	done = f.use(a, s, number)
	if !done {
		return s.URL, false
	}
	return s.back(), true
}

func (s *session) back() string { return strings.ReplaceAll(s.Success, "{CHECKOUT_SESSION_ID}", s.ID) }

func (f *Fake) find(id string) (*account, *session) {
	for _, a := range f.accounts {
		if s := a.sessions[id]; s != nil {
			return a, s
		}
	}
	return nil, nil
}

// use pays with a card, or saves it.
func (f *Fake) use(a *account, s *session, number string) bool {
	if s.Mode == "setup" {
		if !savable(number) {
			s.said = bank(number, false, true).text
			return false
		}
		s.Setup.Status, s.Setup.Method = "succeeded", f.attach(a, s.Customer, number)
		f.announce(a, "setup_intent.succeeded", s.Setup)
	} else {
		if s.Intent == nil {
			s.Intent = f.newIntent(a, s.amount, s.currency, s.Customer, s.name, s.meta, &request{now: f.now()})
		}
		m := &method{ID: newID("pm"), Object: "payment_method", Type: "card", number: number}
		if s.keep {
			m.Customer = &s.Customer
		}
		a.methods[m.ID], s.Intent.Method = m, m.ID
		if d := f.decide(a, s.Intent, number, false, true); d.code != "" {
			s.said = d.text
			return false
		}
		if s.Intent.Status == "succeeded" {
			s.Paid = "paid"
		}
	}
	s.Status, s.said = "complete", ""
	f.announce(a, "checkout.session.completed", s)
	return true
}

// shown is what the page says.
type shown struct {
	Title, Amount, Button, Said, Cancel string
	Asking, Over                        bool
	Cards                               [][2]string
}

func (f *Fake) page(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	_, s := f.find(r.PathValue("id"))
	var p shown
	if s != nil {
		p = s.shown()
	}
	f.mu.Unlock()
	if s == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = layout.Execute(w, p)
}

func (s *session) shown() shown {
	p := shown{Title: "Save a card", Button: "Save the card", Said: s.said, Cancel: s.Cancel, Asking: s.number != "", Over: s.Status != "open", Cards: [][2]string{
		{CardOK, "works"}, {CardMaster, "works"}, {CardDeclined, "is declined"}, {CardNoFunds, "lacks money"}, {CardExpired, "has expired"},
		{CardChargeFails, "can be saved, charges are declined"}, {CardConfirmOnce, "the bank asks now"}, {CardConfirmAll, "the bank asks every time"}, {CardDisputed, "is disputed later"}}}
	if s.Mode == "payment" {
		p.Title, p.Button, p.Amount = s.name, "Pay", strings.ToUpper(s.currency)+" "+figure(s.amount, s.currency)
	}
	return p
}

func figure(amount int64, currency string) string {
	if currency == "jpy" {
		return strconv.FormatInt(amount, 10)
	}
	cents := strconv.FormatInt(amount%100, 10)
	return strconv.FormatInt(amount/100, 10) + "." + strings.Repeat("0", 2-len(cents)) + cents
}

// pay is the page's form: a card number, then perhaps the bank's question.
func (f *Fake) pay(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	a, s := f.find(r.PathValue("id"))
	next := ""
	if s != nil {
		next = f.step(a, s, strings.ReplaceAll(r.PostForm.Get("number"), " ", ""), r.PostForm.Get("bank"))
	}
	f.mu.Unlock()
	if next == "" {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (f *Fake) step(a *account, s *session, number, said string) string {
	here := "/c/pay/" + s.ID
	switch {
	case s.Status == "complete":
		return s.back()
	case s.Status != "open":
		return here
	case s.number != "" && said == "yes":
		number = s.number
	case s.number != "":
		s.number, s.said = "", "Your bank did not confirm it."
		return here
	case asks(number):
		s.number = number
		return here
	case len(number) < 12:
		s.said = "The card number is not complete."
		return here
	}
	s.number = ""
	if f.use(a, s, number) {
		return s.back()
	}
	return here
}

var layout = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}} – test checkout</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem;color:#1f2937}button,input{font:inherit;padding:.6rem .8rem;min-height:2.75rem}input{width:100%;box-sizing:border-box}
.amount{font-size:2rem;font-weight:700;margin:0}.said{color:#b91c1c}button{background:#1d4ed8;color:#fff;border:0;border-radius:.4rem;margin-top:1rem}button.plain{background:#4b5563}table{font-size:.9rem}td{padding:.1rem .6rem .1rem 0}</style></head>
<body><main><p>Test checkout: no money moves here.</p><h1>{{.Title}}</h1>{{if .Amount}}<p class="amount">{{.Amount}}</p>{{end}}
{{if .Said}}<p class="said" role="alert">{{.Said}}</p>{{end}}
{{if .Over}}<p>This page is over.</p>{{else if .Asking}}<h2>Your bank asks</h2><p>Is it you?</p>
<form method="post"><button name="bank" value="yes">Yes, confirm</button> <button class="plain" name="bank" value="no">No</button></form>
{{else}}<form method="post"><label>Card number<input name="number" inputmode="numeric" autocomplete="off" value="4242 4242 4242 4242" required></label><button>{{.Button}}</button></form>
<h2>Test cards</h2><table>{{range .Cards}}<tr><td>{{index . 0}}</td><td>{{index . 1}}</td></tr>{{end}}</table>{{end}}
{{if .Cancel}}<p><a href="{{.Cancel}}">Back without it</a></p>{{end}}</main></body></html>`))
