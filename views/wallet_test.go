package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/workspaces"
)

func walletOf(change func(*Wallet)) Wallet {
	w := Wallet{When: When{Zone: time.UTC, Now: ruleNoon}, Support: "help@northwind.example",
		Funds: ledger.Funds{Credit: decimal.RequireFromString("12.40"), Currency: "USD", PayMode: ledger.Prepaid, WarnPercent: []int{80}}}
	change(&w)
	return w
}

func in(d time.Duration) time.Time { return ruleNoon.Add(d) }

func TestHowLongABalanceLastsInWordsR15(t *testing.T) {
	t.Parallel()
	until := func(name string, d time.Duration, by string) Runway { return Runway{Name: name, At: in(d), By: by} }
	for want, change := range map[string]func(*Wallet){
		"Nothing is running, so nothing is taken from it.": func(*Wallet) {},
		"With this balance Developer Basic can run until 16:45.": func(w *Wallet) {
			w.Runs = []Runway{until("Developer Basic", 285*time.Minute, "credit")}
		},
		"Your monthly cap lets Developer Basic run until tomorrow 16:45.": func(w *Wallet) {
			w.Runs = []Runway{until("Developer Basic", 285*time.Minute+24*time.Hour, "cap")}
		},
		"Your 2 running desktops share this. Business Pro can run until 16:45 and Developer Basic can run until 17:00.": func(w *Wallet) {
			w.Runs = []Runway{until("Business Pro", 285*time.Minute, "credit"), until("Developer Basic", 300*time.Minute, "credit")}
		},
		"With this balance Developer Basic can run for more than two months.": func(w *Wallet) {
			w.Runs = []Runway{until("Developer Basic", 90*24*time.Hour, "credit")}
		},
		"Developer Basic can go on; what it costs is charged to your card at the end of the month.": func(w *Wallet) {
			w.PayMode, w.Runs = ledger.Postpaid, []Runway{{Name: "Developer Basic"}}
		},
	} {
		if got := walletOf(change).Runway(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTheCapsMeterSaysWhenItIsReachedR15(t *testing.T) {
	t.Parallel()
	ten := decimal.NewFromInt(10)
	for used, want := range map[string]MeterProps{
		"4.70":  {Percent: 47, Text: "$4.70 of your $10.00 cap · desktops stop at the cap", Label: "47 percent of your monthly cap"},
		"8":     {Percent: 80, Text: "$8.00 of your $10.00 cap · desktops stop at the cap", Label: "80 percent of your monthly cap", Tone: ToneWarn},
		"10.05": {Percent: 100, Text: "Your cap of $10.00 is reached. Nothing runs on until you raise it or the month ends.", Label: "100 percent of your monthly cap", Tone: ToneBad},
	} {
		w := walletOf(func(w *Wallet) { w.Funds.Cap, w.CapUsed = &ten, decimal.RequireFromString(used) })
		if got := w.CapMeter(); got != want {
			t.Errorf("%s: got %+v, want %+v", used, got, want)
		}
	}
}

func TestWhatStandsInTheWaySaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change    func(*Wallet)
		title, to string
	}{
		"parked":    {func(w *Wallet) { w.Parked = true }, "Your account is paused for a check", "mailto:help@northwind.example"},
		"suspended": {func(w *Wallet) { w.Suspended, w.Owed = true, billing.Owed{Count: 1, Number: "INV-1"} }, "Your account is suspended", "/invoices/INV-1"},
		"owed":      {func(w *Wallet) { w.Owed = billing.Owed{Count: 1, Number: "INV-1", Due: in(48 * time.Hour)} }, "Invoice INV-1 is to be paid", "/invoices/INV-1"},
		"overdue":   {func(w *Wallet) { w.Owed = billing.Owed{Count: 2, Number: "INV-1", Due: in(-48 * time.Hour)} }, "2 invoices are overdue", "/billing#open-invoices"},
		"last block": {func(w *Wallet) {
			w.OneBlock, w.Runs = true, []Runway{{Name: "Developer Basic", At: in(23 * time.Minute), By: "credit"}}
		},
			"Developer Basic stops at 12:23", "/billing#top-up"},
		"last block of the cap": {func(w *Wallet) {
			w.OneBlock, w.Runs = true, []Runway{{Name: "Developer Basic", At: in(23 * time.Minute), By: "cap"}}
		},
			"Developer Basic stops at 12:23", "/billing#limits"},
	} {
		got := walletOf(c.change).Banners()
		if len(got) != 1 || got[0].Title != c.title || got[0].Action.Href != c.to {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestTheDesksCardSaysHowLongThereIsMoney(t *testing.T) {
	t.Parallel()
	funds := func(d time.Duration, by string, shared int) DeskFunds {
		return DeskFunds{Runway: Runway{At: in(d), By: by}, Shared: shared, Known: true}
	}
	stopped := func(by string) Desk {
		return ruled(func(d *Desk) {
			at := ruleNoon.Add(-time.Minute)
			d.Status, d.Desired, d.Observed, d.Session = workspaces.Stopped, workspaces.WantStopped, workspaces.SeenStopped, nil
			d.LastStoppedAt, d.FundsStopAt, d.FundsStopBy = &at, &at, by
		})
	}
	for want, d := range map[string]Desk{
		"With this balance it can run until 16:45.":                        ruled(func(d *Desk) { d.Funds = funds(285*time.Minute, "credit", 1) }),
		"With this balance, shared by 2 desktops, it can run until 16:45.": ruled(func(d *Desk) { d.Funds = funds(285*time.Minute, "credit", 2) }),
		"Within your monthly cap it can run until 16:45.":                  ruled(func(d *Desk) { d.Funds = funds(285*time.Minute, "cap", 1) }),
		"Stops at 12:23 unless you add credit":                             ruled(func(d *Desk) { d.Funds = funds(23*time.Minute, "credit", 1) }),
		"Your credit is not enough for another block.":                     ruled(func(d *Desk) { d.Funds = funds(8*time.Minute, "credit", 1) }),
		"Stops at 12:23 unless you raise your cap":                         ruled(func(d *Desk) { d.Funds = funds(23*time.Minute, "cap", 1) }),
		"It stopped because your credit was used up":                       stopped("credit"),
		"It stopped at your monthly cap":                                   stopped("cap"),
		"It stopped because your account is paused":                        stopped("parked"),
		"It stopped because an invoice is not paid":                        stopped("suspended"),
		"Started now, with this balance it can run until 16:45.": ruled(func(d *Desk) {
			d.Status, d.Session, d.Funds = workspaces.Stopped, nil, funds(285*time.Minute, "credit", 1)
		}),
		"Your credit is used up. Stops at 12:08, in": ruled(func(d *Desk) {
			at := in(8 * time.Minute)
			d.FundsStopAt, d.FundsStopBy, d.Funds = &at, "credit", funds(8*time.Minute, "credit", 1)
		}),
	} {
		if got := render(t, DeskCard(d)); !strings.Contains(got, want) {
			t.Errorf("the card does not say %q:\n%s", want, got)
		}
	}
}

func TestMoneyPagesLookAsWanted(t *testing.T) {
	t.Parallel()
	ten := decimal.NewFromInt(10)
	full := walletOf(func(w *Wallet) {
		w.Bonus, w.Held, w.Funds.Cap, w.CapUsed = decimal.NewFromInt(5), decimal.RequireFromString("0.05"), &ten, decimal.RequireFromString("8.20")
		w.Runs = []Runway{{Name: "Developer Basic", At: in(285 * time.Minute), By: "credit"}}
	})
	wrong := Billing{Wallet: full, Limits: LimitsForm{Cap: "ten", Percents: []string{"80"}, Wrong: Wrong{Fields: map[string]string{"monthly_cap": "Give an amount such as 25, or leave it out."}}}}
	entry := ledger.Traced{Movement: ledger.Movement{ID: 7, At: in(-time.Hour), Cause: "block:1:0", Description: "Developer Basic", Kind: ledger.Bonus, Amount: decimal.RequireFromString("-0.0375"), Balance: decimal.RequireFromString("12.3625"), Currency: "USD"}, PlanName: "Developer Basic"}
	parts := map[string]templ.Component{
		"wallet":       WalletCard(full),
		"wallet-empty": WalletCard(walletOf(func(w *Wallet) { w.Credit = decimal.Zero })),
		"limits-wrong": BillingPart(wrong, PartLimits),
		"movements":    MovementsTable(full.When, []ledger.Traced{entry}, true),
	}
	for name, c := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, name, render(t, c))
		})
	}
}
