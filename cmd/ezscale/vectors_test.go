package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// The vectors of the money rules, through the running program: orders, stops and
// questions over the public API, prices by the command line, time by the test
// clock. One program serves all of them, in the order of their dates.
func TestVectors(t *testing.T) {
	t.Parallel()
	p := newProgram(t, time.Date(2026, time.September, 30, 21, 0, 0, 0, time.UTC))
	v := &vectors{program: p}
	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"month edge", v.monthEdge}, {"lengths", v.lengths}, {"sub-cent", v.subCent}, {"price change", v.priceChange},
		{"unreachable", v.unreachable}, {"wholesale", v.wholesale}, {"block size", v.blockSize}, {"daylight saving", v.daylightSaving},
		{"october's bill", v.october}, {"three cycles", v.threeCycles},
	} {
		if !t.Run(part.name, part.run) {
			return
		}
	}
}

type vectors struct {
	*program
	singles map[string]*buyer
}

func at(text string) time.Time {
	when, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return when
}

// on makes the parts of the test report to the part that runs.
func (v *vectors) on(t *testing.T) { v.t = t; t.Cleanup(func() { v.t = v.program.t }) }

// Vectors 18, 19, 20.
func (v *vectors) monthEdge(t *testing.T) {
	v.on(t)
	shop := v.shop("edges", "UTC")
	v18, v19, v20 := v.buyer(shop, "v18"), v.buyer(shop, "v19"), v.buyer(shop, "v20")
	v.until(at("2026-09-30 22:00:00"))
	w20 := v20.order("business_basic")
	v.until(at("2026-09-30 23:50:00"))
	w18 := v18.order("business_basic")
	v.until(at("2026-09-30 23:59:30"))
	w19 := v19.order("business_basic")
	v.until(at("2026-10-01 00:00:00"))
	v20.stop(w20)
	v.until(at("2026-10-01 00:05:00"))
	v19.stop(w19)
	v.until(at("2026-10-01 00:20:00"))
	v18.stop(w18)

	v20.wantSessions("8 0.40")
	v18.wantSessions("2 0.10")
	v19.wantSessions("1 0.05")
	v20.wantLines(v20.wantInvoices("2026-09 0.40")[0], "business_basic 0.20: 8 = 0.40")
	v18.wantLines(v18.wantInvoices("2026-09 0.05")[0], "business_basic 0.20: 1 = 0.05")
	v19.wantLines(v19.wantInvoices("2026-09 0.05")[0], "business_basic 0.20: 1 = 0.05")
	v18.wantUsage("2026-09", 1, 0.25, "0.05")
	v18.wantUsage("2026-10", 1, 0.25, "0.05")
	v19.wantUsage("2026-10", 0, 0, "0.00")
	v20.wantUsage("2026-09", 8, 2, "0.40")
}

func (b *buyer) wantUsage(month string, blocks, hours float64, cost string) {
	b.p.t.Helper()
	u := b.get("usage?month=" + month)
	if u["month"] != month || u["blocks"] != blocks || u["hours"] != hours || u["cost"] != cost || u["currency"] != "USD" {
		b.p.t.Errorf("usage of %s: %v, want %v blocks, %v hours, %s", b.shop, u, blocks, hours, cost)
	}
}

// Vectors 1, 2, 3, 5, 6, 7, 9, 10: one start, many ends.
func (v *vectors) lengths(t *testing.T) {
	v.on(t)
	shop := v.shop("lengths", "UTC")
	start := at("2026-10-05 10:00:00")
	v.until(start)
	cases := []struct {
		name string
		run  time.Duration
		want string
	}{
		{"v5", time.Second, "1 0.05"},
		{"v1", 8 * time.Minute, "1 0.05"},
		{"v6", 15 * time.Minute, "1 0.05"},
		{"v7", 15*time.Minute + time.Millisecond, "2 0.10"},
		{"v2", 22 * time.Minute, "2 0.10"},
		{"v3", 65 * time.Minute, "5 0.25"},
		{"v9", 24 * time.Hour, "96 4.80"},
	}
	desktops := map[string]string{}
	v.singles = map[string]*buyer{}
	for _, c := range cases {
		v.singles[c.name] = v.buyer(shop, c.name)
		desktops[c.name] = v.singles[c.name].order("business_basic")
	}
	for _, c := range cases {
		v.until(start.Add(c.run))
		v.singles[c.name].stop(desktops[c.name])
		v.singles[c.name].wantSessions(c.want)
	}
	v.neverRan(shop)
}

// neverRan is vector 10: a start that is cancelled while it is being made.
func (v *vectors) neverRan(shop string) {
	v.simSettings(object{"start_delay_ms": 60_000})
	v10 := v.buyer(shop, "v10")
	w := v10.want(202, "POST", "create_workspace?wait=0", object{"workspace_type": "business_basic"})
	v.clock(object{"advance": "20s"})
	v10.stop(fmt.Sprint(w["workspace_id"]))
	v.simSettings(object{"start_delay_ms": 0})
	v.clock(object{"advance": "5m"})
	v10.wantSessions()
	v.singles["v10"] = v10
}

// Vectors 11 to 15: the cent is rounded once, at the line.
func (v *vectors) subCent(t *testing.T) {
	v.on(t)
	shop := v.shop("cents", "UTC")
	v.price(shop, "business_pro", "0.25")
	v.price(shop, "developer_pro", "0.67")
	v.until(at("2026-10-07 09:00:00"))
	for name, c := range map[string]struct{ plan, want string }{
		"v11": {"developer_basic", "1 0.0375"}, "v15": {"developer_pro", "6 1.005"},
	} {
		b := v.buyer(shop, name)
		w := b.order(c.plan)
		v.clock(object{"advance": map[string]string{"v11": "15m", "v15": "90m"}[name]})
		b.stop(w)
		b.wantSessions(c.want)
		v.singles[name] = b
	}
	v.repeat(shop, "v12", "developer_basic", 1, 3)
	v.repeat(shop, "v14", "business_pro", 1, 2)
	v.repeat(shop, "v13", "developer_basic", 5, 20)
}

// repeat runs some desktops for fifteen minutes, so many times.
func (v *vectors) repeat(shop, name, plan string, desktops, times int) {
	v.t.Helper()
	b := v.buyer(shop, name)
	v.singles[name] = b
	var all []string
	for range desktops {
		all = append(all, b.order(plan))
	}
	for i := range times {
		if i > 0 {
			for _, w := range all {
				b.start(w)
			}
		}
		v.clock(object{"advance": "15m"})
		for _, w := range all {
			b.stop(w)
		}
		v.clock(object{"advance": "1m"})
	}
	if got := len(b.sessions()); got != desktops*times {
		v.t.Errorf("%s has %d sessions, want %d", name, got, desktops*times)
	}
}

// Vector 25.
func (v *vectors) priceChange(t *testing.T) {
	v.on(t)
	shop := v.shop("raised", "UTC")
	b := v.buyer(shop, "v25")
	v.singles["v25"] = b
	v.until(at("2026-10-09 10:00:00"))
	w := b.order("business_basic")
	v.until(at("2026-10-09 10:10:00"))
	v.price(shop, "business_basic", "0.30")
	v.until(at("2026-10-09 10:40:00"))
	b.stop(w)
	v.until(at("2026-10-09 10:41:00"))
	b.start(w)
	v.until(at("2026-10-09 10:46:00"))
	b.stop(w)
	b.wantSessions("3 0.15", "1 0.075")
}

// Vector 36: no charge past the block in progress while the host is away; the gap
// is charged once the desktop is proven to have run all along.
func (v *vectors) unreachable(t *testing.T) {
	v.on(t)
	shop := v.shop("away", "UTC")
	b := v.buyer(shop, "v36")
	v.singles["v36"] = b
	v.until(at("2026-10-11 10:00:00"))
	w := b.order("business_basic")
	v.until(at("2026-10-11 10:20:00"))
	v.simSettings(object{"unreachable": true})
	v.until(at("2026-10-11 11:04:00"))
	if n := v.count(shop, "-- blocks\nselect count(*)::int from usage_blocks"); n != 2 {
		t.Errorf("%d blocks are charged while the host is away, want 2", n)
	}
	v.simSettings(object{"unreachable": false})
	v.until(at("2026-10-11 11:05:00"))
	if n := v.count(shop, "-- blocks\nselect count(*)::int from usage_blocks"); n != 5 {
		t.Errorf("%d blocks are charged once it is back, want 5", n)
	}
	b.stop(w)
	b.wantSessions("5 0.25")
}

// count asks the shop's own tables.
func (v *vectors) count(shop, sql string) (n int) {
	v.t.Helper()
	v.inside(shop, &n, sql)
	return n
}

// Vector 44: the two sides of the same blocks.
func (v *vectors) wholesale(t *testing.T) {
	v.on(t)
	shop := v.shop("margin", "UTC")
	b := v.buyer(shop, "v44")
	v.singles["v44"] = b
	v.until(at("2026-10-13 10:00:00"))
	w := b.order("business_basic")
	v.clock(object{"advance": "65m"})
	b.stop(w)
	b.wantSessions("5 0.25")
	var side decimal.Decimal
	v.inside(shop, &side, "-- wholesale\nselect sum(wholesale_rate * seconds) / 3600 from usage_blocks")
	if !side.Equal(decimal.RequireFromString("0.15")) {
		t.Errorf("the reseller owes %s, want 0.15", side)
	}
}

// Vector 54.
func (v *vectors) blockSize(t *testing.T) {
	v.on(t)
	shop := v.shop("tens", "UTC")
	v.cli("plan", "set", "--tenant", shop, "--type", "business_basic", "--block-seconds", "600", "--json")
	v.until(at("2026-10-14 10:00:00"))
	v.repeatFor(shop, "v54", 10*time.Minute, 3)
	v.singles["v54"].wantSessions("1 0.033333", "1 0.033333", "1 0.033333")
}

func (v *vectors) repeatFor(shop, name string, length time.Duration, times int) {
	v.t.Helper()
	b := v.buyer(shop, name)
	v.singles[name] = b
	var w string
	for i := range times {
		if i == 0 {
			w = b.order("business_basic")
		} else {
			b.start(w)
		}
		v.clock(object{"advance": length.String()})
		b.stop(w)
		v.clock(object{"advance": "1m"})
	}
}

// Vector 24: the night in which New York's clocks go back begins in October.
func (v *vectors) daylightSaving(t *testing.T) {
	v.on(t)
	shop := v.shop("newyork", "America/New_York")
	b := v.buyer(shop, "v24")
	v.until(at("2026-11-01 03:40:00"))
	w := b.order("business_basic")
	v.until(at("2026-11-01 06:30:00"))
	b.stop(w)
	b.wantSessions("12 0.60")
	inv := b.wantInvoices("2026-10 0.10")[0]
	b.wantLines(inv, "business_basic 0.20: 2 = 0.10")
	if edge := timeIn(t, inv, "period_end"); !edge.Equal(at("2026-11-01 04:00:00")) {
		t.Errorf("October ends at %s", edge)
	}
	b.wantUsage("2026-10", 2, 0.5, "0.10")
	b.wantUsage("2026-11", 10, 2.5, "0.50")
	full := b.get("invoices/" + fmt.Sprint(inv["number"]))
	b.wantStatement(full, "Business Basic - Oct 31, 2026 (30 minutes @ $0.20/hour) 0.10")
}

// wantStatement fails the test unless these entries, with their amounts, stand
// under the invoice's lines.
func (b *buyer) wantStatement(inv object, want ...string) {
	b.p.t.Helper()
	var got []string
	for _, l := range objects(inv["lines"]) {
		for _, s := range objects(l["statement"]) {
			got = append(got, fmt.Sprintf("%v %v", s["text"], s["amount"]))
			if _, err := uuid.Parse(fmt.Sprint(s["session_id"])); err != nil {
				b.p.t.Errorf("an entry names no session: %v", s)
			}
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.p.t.Errorf("%s: statement\n%s\nwant\n%s", b.shop, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// october looks at the bills of the month in which most vectors lie.
func (v *vectors) october(t *testing.T) {
	v.on(t)
	v.until(at("2026-11-01 12:00:00"))
	for name, want := range map[string]string{
		"v1": "0.05", "v2": "0.10", "v3": "0.25", "v5": "0.05", "v6": "0.05", "v7": "0.10", "v9": "4.80",
		"v11": "0.04", "v12": "0.11", "v13": "3.75", "v14": "0.13", "v15": "1.01", "v25": "0.23", "v36": "0.25", "v44": "0.25", "v54": "0.10",
	} {
		v.singles[name].wantInvoices("2026-10 " + want)
	}
	v.singles["v10"].wantInvoices()
	v25 := v.singles["v25"]
	inv := v25.get("invoices/" + fmt.Sprint(v25.invoices()[0]["number"]))
	v25.wantLines(inv, "business_basic 0.20: 3 = 0.15", "business_basic 0.30: 1 = 0.08")
	v25.wantStatement(inv, "Business Basic - Oct 09, 2026 (45 minutes @ $0.20/hour) 0.15", "Business Basic - Oct 09, 2026 (15 minutes @ $0.30/hour) 0.075")
	v9 := v.singles["v9"]
	v9.wantStatement(v9.get("invoices/"+fmt.Sprint(v9.invoices()[0]["number"])), "Business Basic - Oct 05, 2026 (1440 minutes @ $0.20/hour) 4.80")
	v9.wantUsage("2026-10", 96, 24, "4.80")
	v12 := v.singles["v12"]
	entry := "Developer Basic - Oct 07, 2026 (15 minutes @ $0.15/hour) 0.0375"
	v12.wantStatement(v12.get("invoices/"+fmt.Sprint(v12.invoices()[0]["number"])), entry, entry, entry)
	if s := v12.sessions()[0]["invoice_numbers"]; fmt.Sprint(s) != fmt.Sprintf("[%v]", v12.invoices()[0]["number"]) {
		t.Errorf("a session does not name its invoice: %v", s)
	}
}

// Vector 22: a session over three cycles is split by its blocks, never rounded
// twice, and kept alive all the while.
func (v *vectors) threeCycles(t *testing.T) {
	v.on(t)
	shop := v.shop("long", "UTC")
	b := v.buyer(shop, "v22")
	v.until(at("2027-01-31 23:59:30"))
	w := b.order("business_basic")
	began := time.Now()
	v.until(at("2027-03-01 00:00:30"))
	took := time.Since(began)
	t.Logf("2,688 blocks in %s, %s each", took, took/2688)
	b.stop(w)
	b.wantSessions("2689 134.45")
	b.wantInvoices("2027-01 0.05", "2027-02 134.40")
	b.wantUsage("2027-01", 1, 0.25, "0.05")
	b.wantUsage("2027-02", 2688, 672, "134.40")
	b.wantUsage("2027-03", 0, 0, "0.00")
	v.until(at("2027-04-01 01:00:00"))
	b.wantInvoices("2027-01 0.05", "2027-02 134.40")
}

// inside reads one value from the shop's own tables, beside the program.
func (v *vectors) inside(shop string, dst any, sql string) {
	v.t.Helper()
	v.reading(func(ctx context.Context, in *installation) error { return readOne(ctx, in, shop, dst, sql) })
}
