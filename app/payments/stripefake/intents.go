package stripefake

import (
	"slices"
	"strconv"
	"strings"
)

type intent struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Amount      int64             `json:"amount"`
	Received    int64             `json:"amount_received"`
	Currency    string            `json:"currency"`
	Customer    string            `json:"customer"`
	Method      string            `json:"payment_method"`
	Status      string            `json:"status"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
	LastError   map[string]any    `json:"last_payment_error"`
	Created     int64             `json:"created"`
	Charge      *charge           `json:"latest_charge"`
}

type charge struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Amount   int64  `json:"amount"`
	Refunded int64  `json:"amount_refunded"`
}

// least is the smallest charge of the currencies that tests use.
func least(currency string) int64 {
	if amount, listed := map[string]int64{"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "chf": 50}[currency]; listed {
		return amount
	}
	return 1
}

func (f *Fake) createIntent(a *account, r *request) answer {
	amount, err := strconv.ParseInt(r.form.Get("amount"), 10, 64)
	currency := r.form.Get("currency")
	switch {
	case err != nil || amount < 1 || amount > 99_999_999:
		return wrong("amount", "Invalid integer: "+r.form.Get("amount"))
	case len(currency) != 3 || currency != strings.ToLower(currency):
		return wrong("currency", "Invalid currency: "+currency)
	case amount < least(currency):
		return failed(400, "invalid_request_error", "amount_too_small", "Amount must convert to at least the minimum.")
	case slices.Contains([]string{"bhd", "jod", "kwd", "omr", "tnd"}, currency) && amount%10 != 0:
		return wrong("amount", "The last digit of amounts with three decimals must be 0.")
	}
	m := a.methods[r.form.Get("payment_method")]
	if r.form.Get("confirm") != "true" || m == nil || m.Customer == nil || *m.Customer != r.form.Get("customer") {
		return missing("PaymentMethod", r.form.Get("payment_method"))
	}
	in := f.newIntent(a, amount, currency, r.form.Get("customer"), r.form.Get("description"), metadata(r.form, "metadata"), r)
	in.Method = m.ID
	if d := f.decide(a, in, m.number, r.form.Get("off_session") == "true", false); d.code != "" {
		return paymentRequired(d, in)
	}
	return ok(in)
}

func (f *Fake) newIntent(a *account, amount int64, currency, customerID, description string, meta map[string]string, r *request) *intent {
	in := &intent{ID: newID("pi"), Object: "payment_intent", Amount: amount, Currency: currency, Customer: customerID, Description: description, Metadata: meta,
		Status: "requires_payment_method", Created: r.now.Unix()}
	a.intents[in.ID] = in
	a.order = append(a.order, in.ID)
	return in
}

// decide asks the bank and moves the intent on.
func (f *Fake) decide(a *account, in *intent, number string, offSession, present bool) decline {
	d := bank(number, offSession, present)
	switch {
	case d.code != "":
		in.Status, in.LastError = "requires_payment_method", map[string]any{"type": "card_error", "code": d.code, "decline_code": d.reason, "message": d.text}
		f.announce(a, "payment_intent.payment_failed", in)
		return d
	case f.slow > 0:
		f.slow--
		in.Status = "processing"
		f.announce(a, "payment_intent.processing", in)
		return d
	}
	f.succeed(a, in)
	if number == CardDisputed {
		f.disputeIt(a, in)
	}
	return d
}

func (f *Fake) succeed(a *account, in *intent) {
	in.Status, in.Received, in.LastError = "succeeded", in.Amount, nil
	in.Charge = &charge{ID: newID("ch"), Object: "charge", Amount: in.Amount}
	f.announce(a, "payment_intent.succeeded", in)
}

// Decide ends a charge that Slow left undecided.
func (f *Fake) Decide(secret, intentID string, paid bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.of(secret)
	in := a.intents[intentID]
	if in == nil || in.Status != "processing" {
		return
	}
	if paid {
		f.succeed(a, in)
		return
	}
	in.Status, in.LastError = "requires_payment_method", map[string]any{"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
	f.announce(a, "payment_intent.payment_failed", in)
}

func (f *Fake) getIntent(a *account, r *request) answer {
	if in := a.intents[r.id]; in != nil {
		return ok(in)
	}
	return missing("payment_intent", r.id)
}

func (f *Fake) listIntents(a *account, r *request) answer {
	list := []*intent{}
	for _, id := range slices.Backward(a.order) {
		if in := a.intents[id]; r.form.Get("customer") == "" || in.Customer == r.form.Get("customer") {
			list = append(list, in)
		}
	}
	return ok(map[string]any{"object": "list", "data": list, "has_more": false, "url": "/v1/payment_intents"})
}

func (f *Fake) cancelIntent(a *account, r *request) answer {
	in := a.intents[r.id]
	switch {
	case in == nil:
		return missing("payment_intent", r.id)
	case in.Status == "succeeded" || in.Status == "canceled" || in.Status == "processing":
		return failed(400, "invalid_request_error", "payment_intent_unexpected_state", "You cannot cancel this PaymentIntent because it has a status of "+in.Status+".")
	}
	in.Status = "canceled"
	f.announce(a, "payment_intent.canceled", in)
	return ok(in)
}

type refund struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Intent   string            `json:"payment_intent"`
	Status   string            `json:"status"`
	Why      string            `json:"failure_reason,omitempty"`
	Metadata map[string]string `json:"metadata"`
	Created  int64             `json:"created"`
}

func (f *Fake) createRefund(a *account, r *request) answer {
	in := a.intents[r.form.Get("payment_intent")]
	if in == nil || in.Charge == nil {
		return missing("payment_intent", r.form.Get("payment_intent"))
	}
	amount, err := strconv.ParseInt(r.form.Get("amount"), 10, 64)
	switch {
	case err != nil || amount < 1:
		return wrong("amount", "Invalid integer: "+r.form.Get("amount"))
	case amount > in.Charge.Amount-in.Charge.Refunded:
		return failed(400, "invalid_request_error", "charge_already_refunded", "The refund is greater than what is left of the charge.")
	}
	out := &refund{ID: newID("re"), Object: "refund", Amount: amount, Currency: in.Currency, Intent: in.ID, Status: "succeeded", Metadata: metadata(r.form, "metadata"), Created: r.now.Unix()}
	in.Charge.Refunded += amount
	a.refunds[out.ID] = out
	if m := a.methods[in.Method]; m != nil && m.number == CardRefundFails {
		out.Status = "pending"
	}
	f.announce(a, "refund.created", out)
	return ok(out)
}

func (f *Fake) getRefund(a *account, r *request) answer {
	if out := a.refunds[r.id]; out != nil {
		return ok(out)
	}
	return missing("refund", r.id)
}

// FailRefunds ends the refunds that are under way: the bank would not take them.
func (f *Fake) FailRefunds(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.of(secret)
	for _, out := range a.refunds {
		if out.Status == "pending" {
			out.Status, out.Why = "failed", "lost_or_stolen_card"
			a.intents[out.Intent].Charge.Refunded -= out.Amount
			f.announce(a, "refund.failed", out)
		}
	}
}

type dispute struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Intent   string `json:"payment_intent"`
	Status   string `json:"status"`
	Reason   string `json:"reason"`
}

// Dispute has the payer of a charge dispute it.
func (f *Fake) Dispute(secret, intentID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.of(secret); a.intents[intentID] != nil {
		f.disputeIt(a, a.intents[intentID])
	}
}

func (f *Fake) disputeIt(a *account, in *intent) {
	d := &dispute{ID: newID("du"), Object: "dispute", Amount: in.Amount, Currency: in.Currency, Intent: in.ID, Status: "needs_response", Reason: "fraudulent"}
	a.disputes[d.ID] = d
	f.announce(a, "charge.dispute.created", d)
}

func (f *Fake) getDispute(a *account, r *request) answer {
	if d := a.disputes[r.id]; d != nil {
		return ok(d)
	}
	return missing("dispute", r.id)
}
