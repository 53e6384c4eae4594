package views

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
)

// Wallet is what a customer has, what is set aside of it, and how long what runs
// can go on with it.
type Wallet struct {
	When
	ledger.Funds
	Profile  accounts.Profile
	Bonuses  ledger.BonusBook
	Runs     []Runway // what runs, and until when
	Owed     billing.Owed
	OneBlock bool   // some desktop has no money for the block after the next
	Minimum  string // the least credit to start with, "$5.00"
	Support  string // the shop's mail address, or ""
}

// Runway is until when one running desktop has money. By is credit or cap, "" when
// nothing ends it.
type Runway struct {
	Workspace uuid.UUID
	Name      string
	At        time.Time
	By        string
}

// longRun is a time that nobody plans by the hour.
const longRun = 60 * 24 * time.Hour

func (w Wallet) money(d decimal.Decimal) string { return money.Of(d, w.Currency).Format() }

// free is what may still be spent, as people write amounts: never more than there is.
func (w Wallet) free() string {
	return money.Of(decimal.Max(w.Free(), decimal.Zero).RoundFloor(money.Exponent(w.Currency)), w.Currency).Format()
}

func (w Wallet) postpaid() bool { return w.PayMode == ledger.Postpaid }

func (w Wallet) parts() []Item {
	items := []Item{{Term: "Paid credit", Text: w.money(w.Credit)}}
	if w.Bonus.IsPositive() {
		bonus := Item{Term: "Bonus", Text: w.money(w.Bonus)}
		if amount, at := w.Bonuses.FirstEnd(); at != nil && amount.Equal(w.Bonus) {
			bonus.Text += ", until " + w.Date(at.Add(-time.Second))
		} else if at != nil {
			bonus.Text += ", of which " + w.money(amount) + " until " + w.Date(at.Add(-time.Second))
		}
		items = append(items, bonus)
	}
	if w.Held.IsPositive() {
		items = append(items, Item{Term: "Held for running desktops", Text: w.money(w.Held)})
	}
	return items
}

// Runway says how long what runs now can go on.
func (w Wallet) Runway() string {
	switch {
	case len(w.Runs) == 0 && w.postpaid():
		return "Nothing is running. What you use is charged to your card at the end of the month."
	case len(w.Runs) == 0:
		return "Nothing is running, so nothing is taken from it."
	case len(w.Runs) == 1:
		return w.Runs[0].sentence(w.When)
	}
	first := w.Runs[0]
	for _, r := range w.Runs {
		if r.ends(w.Now) && (!first.ends(w.Now) || r.At.Before(first.At)) {
			first = r
		}
	}
	if !first.ends(w.Now) {
		return "Your " + strconv.Itoa(len(w.Runs)) + " running desktops can go on for more than two months."
	}
	text := "Your " + strconv.Itoa(len(w.Runs)) + " running desktops share this. "
	for i, r := range w.Runs {
		text += join(i, len(w.Runs)) + r.Name + " can run " + r.until(w.When)
	}
	return text + "."
}

// join is what stands before item i of n in a sentence.
func join(i, n int) string {
	switch {
	case i == 0:
		return ""
	case i == n-1:
		return " and "
	}
	return ", "
}

func (r Runway) ends(now time.Time) bool { return r.By != "" && r.At.Sub(now) < longRun }

func (r Runway) until(w When) string {
	if !r.ends(w.Now) {
		return "for more than two months"
	}
	return "until " + w.Soon(r.At)
}

func (r Runway) sentence(w When) string {
	switch {
	case r.By == "":
		return r.Name + " can go on; what it costs is charged to your card at the end of the month."
	case r.By == "cap":
		return "Your monthly cap lets " + r.Name + " run " + r.until(w) + "."
	}
	return "With this balance " + r.Name + " can run " + r.until(w) + "."
}

// capped says that there is a monthly cap.
func (w Wallet) capped() bool { return w.Funds.Cap != nil }

// Cap is how much of the month's cap is used; nil without one.
func (w Wallet) Cap() *MeterProps {
	if w.Funds.Cap == nil {
		return nil
	}
	m := w.CapMeter()
	return &m
}

// CapMeter is how much of the month's cap is used.
func (w Wallet) CapMeter() MeterProps {
	most, percent := *w.Funds.Cap, 100
	if most.IsPositive() {
		percent = int(decimal.Min(w.CapUsed.Mul(decimal.NewFromInt(100)).DivRound(most, 0), decimal.NewFromInt(100)).IntPart())
	}
	m := MeterProps{Percent: percent, Label: strconv.Itoa(percent) + " percent of your monthly cap",
		Text: w.round(w.CapUsed) + " of your " + w.money(most) + " cap · desktops stop at the cap"}
	switch {
	case percent >= 100:
		m.Tone, m.Text = ToneBad, "Your cap of "+w.money(most)+" is reached. Nothing runs on until you raise it or the month ends."
	case percent >= w.firstWarning():
		m.Tone = ToneWarn
	}
	return m
}

func (w Wallet) firstWarning() int {
	first := 101
	for _, p := range w.WarnPercent {
		first = min(first, p)
	}
	return first
}

func (w Wallet) round(d decimal.Decimal) string {
	return money.Of(d, w.Currency).Round().Format()
}

// live makes the balance follow what happens.
func (w Wallet) live() *Live {
	return &Live{ID: "wallet", URL: "/billing/balance", Events: []string{"balance", "cost", "billing-changed"}}
}

// Banners are what stands in the way of a customer's desktops, and what to do.
func (w Wallet) Banners() []Notice {
	out := w.Standing()
	if w.OneBlock {
		out = append(out, w.lastBlock())
	}
	return out
}

// Standing is what is wrong with the account as a whole.
func (w Wallet) Standing() (out []Notice) {
	owed := w.Owed.Count > 0 && w.Owed.Overdue(w.Now, w.Zone)
	switch {
	case w.Parked:
		out = append(out, Notice{Tone: ToneBad, Title: "Your account is paused for a check", Action: w.write("Write to us"),
			Text: "Something about it was unusual. Nothing is charged and no desktop starts until a person has looked at it. " + w.contact()})
	case w.Suspended:
		out = append(out, Notice{Tone: ToneBad, Title: "Your account is suspended", Action: w.pay(),
			Text: "An invoice was not paid in time. Your desktops keep their files and can be started again as soon as it is paid."})
	case owed:
		out = append(out, Notice{Tone: ToneWarn, Title: w.owes() + " overdue", Action: w.pay(), Text: "Please pay " + w.money(w.Owed.Amount) + " soon, so that your desktops stay available."})
	case w.Owed.Count > 0:
		out = append(out, Notice{Tone: ToneInfo, Title: w.owes() + " to be paid", Action: w.pay(), Text: w.money(w.Owed.Amount) + " is due by " + w.Owed.Due.Format("January 2, 2006") + "."})
	}
	return out
}

func (w Wallet) owes() string {
	if w.Owed.Count == 1 {
		return "Invoice " + w.Owed.Number + " is"
	}
	return many(int64(w.Owed.Count), "invoice") + " are"
}

func (w Wallet) pay() NavItem {
	if w.Owed.Count == 1 {
		return NavItem{Label: "See and pay it", Href: "/invoices/" + w.Owed.Number}
	}
	return NavItem{Label: "See what is open", Href: "/billing#open-invoices"}
}

// lasts is how long what runs can go on, as one more sentence of a summary.
func (w Wallet) lasts() string {
	var first, last Runway
	for _, r := range w.Runs {
		if !r.ends(w.Now) {
			return ""
		}
		if first.By == "" || r.At.Before(first.At) {
			first = r
		}
		if r.At.After(last.At) {
			last = r
		}
	}
	switch {
	case first.By == "":
		return ""
	case len(w.Runs) == 1 && first.By == "cap":
		return " Within your monthly cap it can run " + first.until(w.When) + "."
	case len(w.Runs) == 1:
		return " With this balance it can run " + first.until(w.When) + "."
	case first.At.Equal(last.At):
		return " They share one balance, which lasts " + first.until(w.When) + "."
	}
	return " They share one balance: the first stops " + w.hour(first.At) + ", the last " + w.hour(last.At) + "."
}

func (w Wallet) lastBlock() Notice {
	first := Runway{}
	for _, r := range w.Runs {
		if r.By != "" && (first.By == "" || r.At.Before(first.At)) {
			first = r
		}
	}
	n := Notice{Tone: ToneWarn, Title: first.Name + " stops " + w.hour(first.At), Text: "There is credit for no more than one block after this one. Its files are kept.",
		Action: NavItem{Label: "Add credit", Href: "/billing#top-up"}}
	if first.By == "cap" {
		n.Text, n.Action = "Your monthly cap is nearly used up. Its files are kept.", NavItem{Label: "Raise the cap", Href: "/billing#limits"}
	}
	return n
}

func (w Wallet) contact() string {
	if w.Support == "" {
		return "You will hear from us."
	}
	return "Write to " + w.Support + " if it is urgent."
}

func (w Wallet) write(label string) NavItem {
	if w.Support == "" {
		return NavItem{}
	}
	return NavItem{Label: label, Href: "mailto:" + w.Support}
}

// symbol stands before fields of amounts.
func (w Wallet) symbol() string { return strings.TrimSpace(money.Symbol(w.Currency)) }
