package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

const (
	payers        = 12
	moneyKills    = 10
	processorKey  = "sk_test_killed"
	processorHook = "whsec_killed"
	goodCard      = "4242424242424242"
)

// TestKillWhileMoneyMoves kills the program while it closes a month, charges the
// cards of its customers and writes to them, with a processor that loses answers and
// repeats itself. In the end everybody has one invoice, paid once, and one letter
// about it; the processor's books, ours and the desktop host's record agree (V48,
// V49, R18, R22).
func TestKillWhileMoneyMovesV49R22(t *testing.T) {
	t.Parallel()
	k := newMoneyKilling(t)
	k.prepare()
	k.wreckTheMonthsEnd()
	k.settleDown()
	if !t.Failed() {
		k.compareMoney()
	}
	k.stopAnnouncing()
}

// moneyKilling is a killing whose customers pay by card at a processor that lives on.
type moneyKilling struct {
	*killing
	stripe         *stripefake.Fake
	stripeAt       string
	edge           time.Time // the end of the month that is billed
	people         []customer
	stopAnnouncing func()
}

func newMoneyKilling(t *testing.T) *moneyKilling {
	seed, err := strconv.ParseUint(os.Getenv("KILL_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("KILL_SEED=%d", seed)
	k := &moneyKilling{killing: &killing{t: t, dir: pgtest.Dir(t), address: freeAddress(t), chance: rand.New(rand.NewPCG(seed, 7))}, stripe: stripefake.New(time.Now)}
	at := httptest.NewServer(k.stripe)
	t.Cleanup(at.Close)
	k.stripe.At(at.URL)
	k.stripeAt = at.URL
	k.environ = []string{"EZSCALE_DATA_DIR=" + k.dir, "EZSCALE_HTTP_ADDR=" + k.address, "EZSCALE_TEST_CLOCK=1",
		"EZSCALE_STRIPE_API_BASE=" + at.URL, "EZSCALE_STRIPE_SECRET_KEY=" + processorKey, "EZSCALE_STRIPE_WEBHOOK_SECRET=" + processorHook}
	t.Cleanup(k.end)
	k.startSim()
	k.setSim(object{"start_delay_ms": 0, "stop_delay_ms": 0})
	k.boot()
	k.awaitReady()
	ctx, stop := context.WithCancel(context.Background())
	done := k.stripe.Announce(ctx, processorKey, "http://"+k.address+"/webhooks/stripe", "localhost", processorHook)
	k.stopAnnouncing = func() { stop(); <-done }
	t.Cleanup(k.stopAnnouncing)
	return k
}

// prepare gives everybody a card and an hour of a desktop.
func (k *moneyKilling) prepare() {
	k.t.Helper()
	k.clock(object{"rate": 0})
	now := time.Now().UTC()
	k.edge = time.Date(now.Year(), now.Month()+2, 1, 0, 0, 0, 0, time.UTC)
	k.clock(k.before(4 * time.Hour))
	var ignored object
	k.command(&ignored, "plan", "set", "--tenant", "house", "--type", "business_basic", "--price-per-hour", "4.00")
	for n := range payers {
		var who customer
		k.command(&who, "user", "create", "--tenant", "house", "--email", fmt.Sprintf("p%d@killed.test", n), "--api-key")
		k.people = append(k.people, who)
	}
	k.installed(k.saveCards)
	for n, who := range k.people {
		d := &desk{k: k.killing, n: n, who: who, chance: k.chance, host: "localhost"}
		made := d.ask("create_workspace", object{"workspace_type": "business_basic"})
		d.id = fmt.Sprint(made["workspace_id"])
		k.desks = append(k.desks, d)
	}
	k.clock(k.before(2*time.Hour + 55*time.Minute))
	for _, d := range k.desks {
		d.do("stop_workspace")
	}
	k.clock(k.before(10 * time.Minute))
}

// saveCards has every customer type a card number at the processor's page.
func (k *moneyKilling) saveCards(ctx context.Context, in *installation) error {
	house, _ := in.db.Registry().House()
	cards := payments.New(payments.Config{DB: in.db, Clock: in.clock, Wall: clock.Wall{}.Now, Ledger: in.ledger, Billing: in.billing, Sealer: in.key,
		House: payments.Keys{Secret: processorKey, Webhook: processorHook}, APIBase: k.stripeAt,
		Links: func(_ tenants.Tenant, path string) string { return "http://" + k.address + path }, Log: slog.New(slog.DiscardHandler)})
	for _, who := range k.people {
		id, err := uuid.Parse(who.ID)
		if err != nil {
			return err
		}
		visit, err := cards.SaveCard(ctx, house, id, "first")
		if err != nil {
			return err
		}
		session := path.Base(visit.URL)
		if _, done := k.stripe.Visit(session, goodCard, false); !done {
			return fmt.Errorf("the card of %s was not saved", who.ID)
		}
		if saved, err := cards.CardSaved(ctx, house, id, session); err != nil || !saved {
			return fmt.Errorf("the card of %s: %v, %w", who.ID, saved, err)
		}
	}
	return nil
}

// wreckTheMonthsEnd moves the clock over the edge and kills at whatever comes of it.
func (k *moneyKilling) wreckTheMonthsEnd() {
	for range moneyKills {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			_, _, _ = k.tryClock(k.before(-20 * time.Minute))
		}()
		if k.chance.IntN(2) == 0 {
			k.stripe.Lose(1 + k.chance.IntN(3))
		}
		k.pause(20*time.Millisecond, 900*time.Millisecond)
		k.outages.begin()
		k.again(k.serve.kill())
		<-asked
	}
	k.stripe.Lose(0)
	k.t.Logf("%d kills of the program, ready again within %s", k.kills, spread(k.restarts))
}

// settleDown gives retries and sweeps their time, and waits for what is under way.
func (k *moneyKilling) settleDown() {
	for hour := range 6 {
		soon(k.t, "the clock moves on after the kills", quietWithin, func() bool {
			status, _, err := k.tryClock(k.before(-time.Duration(hour+1) * time.Hour))
			return err == nil && status == http.StatusOK
		})
	}
}

func (k *moneyKilling) compareMoney() {
	db := booksOf(k.t, k.dir, "house")
	defer db.Close(context.Background())
	paid := k.stripe.Books(processorKey).Paid()
	if len(paid) != payers {
		k.t.Errorf("the processor took %d payments from %d customers", len(paid), payers)
	}
	ours := map[string]int64{}
	for _, p := range many[struct {
		ID     string
		Amount int64
	}](k.t, db, `select processor_id, (amount * 100)::bigint from payments where status = 'succeeded'`) {
		ours[p.ID] = p.Amount
	}
	for _, p := range paid {
		if ours[p.ID] != p.Amount {
			k.t.Errorf("the processor took %d by %s, our books say %d", p.Amount, p.ID, ours[p.ID])
		}
		delete(ours, p.ID)
	}
	if len(ours) > 0 {
		k.t.Errorf("our books have payments that the processor has not: %v", ours)
	}
	for what, sql := range map[string]string{
		"invoices that are not 5.00 and paid":  `select count(*) from invoices where status <> 'paid' or total <> 5`,
		"customers without exactly one":        `select count(*) from users u where u.email like 'p%@killed.test' and (select count(*) from invoices i where i.user_id = u.id) <> 1`,
		"gaps in the numbers":                  `select coalesce(max(right(number, 6)::int), 0) - count(*) from invoices`,
		"payments left open":                   `select count(*) from payments where status in ('pending', 'processing')`,
		"causes that do not come to zero":      `select count(*) from (select from ledger_entries group by cause having sum(amount) <> 0) d`,
		"balances that are not their entries":  `select count(*) from ledger_accounts a where balance is not null and balance <> (select coalesce(sum(amount), 0) from ledger_entries e where e.account_id = a.id)`,
		"credit that nobody ought to have":     `select count(*) from ledger_accounts where balance <> 0`,
		"blocks that are on no invoice":        `select count(*) from usage_blocks where invoice_item_id is null`,
		"announcements that were not attended": `select count(*) from processor_events where applied_at is null and type like 'payment_intent.%'`,
	} {
		if n := one[int](k.t, db, sql); n != 0 {
			k.t.Errorf("%s: %d", what, n)
		}
	}
	_, runs := recordOf(k.t, k.simAt)
	if len(runs) != payers {
		k.t.Errorf("the desktop host ran %d desktops for %d customers", len(runs), payers)
	}
	k.compareLetters(one[int](k.t, db, `select count(*) from invoices`))
}

var invoiceSubject = regexp.MustCompile(`(?m)^Subject: .*INV-\d{4}-\d{6}`)

// compareLetters looks for one letter about the making of each invoice.
func (k *moneyKilling) compareLetters(invoices int) {
	files, err := filepath.Glob(filepath.Join(k.dir, "mail", "*.eml"))
	if err != nil {
		k.t.Fatal(err)
	}
	letters := map[string]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			k.t.Fatal(err)
		}
		if subject := invoiceSubject.FindString(string(text)); subject != "" {
			letters[subject+recipient(string(text))]++
		}
	}
	for what, n := range letters {
		if n != 1 {
			k.t.Errorf("%d letters %q", n, what)
		}
	}
	if len(letters) < invoices {
		k.t.Errorf("%d letters about %d invoices", len(letters), invoices)
	}
}

func recipient(letter string) string {
	for line := range strings.Lines(letter) {
		if strings.HasPrefix(line, "To: ") {
			return " " + strings.TrimSpace(line)
		}
	}
	return ""
}

// before sets the clock to a time before the month's end.
func (k *moneyKilling) before(d time.Duration) object {
	return object{"now": k.edge.Add(-d).Format(time.RFC3339)}
}

// tryClock moves the business clock of the running program.
func (k *moneyKilling) tryClock(to object) (int, object, error) {
	text, err := json.Marshal(to)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodPost, "http://"+k.address+"/api/test/clock", bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Host = "localhost"
	req.Header.Set("Content-Type", "application/json")
	return answered(http.DefaultClient.Do(req))
}

func (k *moneyKilling) clock(to object) {
	k.t.Helper()
	if status, body, err := k.tryClock(to); err != nil || status != http.StatusOK {
		k.t.Fatalf("move the clock to %v: %d %v %v", to, status, body, err)
	}
}

// installed opens the installation beside the running program, as a command does.
func (k *moneyKilling) installed(fn func(ctx context.Context, in *installation) error) {
	k.t.Helper()
	config, err := readConfig(k.environ)
	if err != nil {
		k.t.Fatal(err)
	}
	c := &console{ctx: k.t.Context(), config: config, out: io.Discard, errs: io.Discard, log: slog.New(slog.DiscardHandler)}
	if err := c.with(func(in *installation) error { return fn(c.ctx, in) }); err != nil {
		k.t.Fatal(err)
	}
}
