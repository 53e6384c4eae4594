package payments

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"
)

// processor is one account at Stripe.
type processor struct {
	api     *stripe.Client
	account string // the account's id, as far as it is known
	wall    func() time.Time
}

// patience bounds one call to the processor; a page waits for it.
const patience = 10 * time.Second

// newProcessor talks to Stripe, or to whatever stands at base. It tries a call that
// found nobody once more, under the same key; everything else is tried again by
// whoever made the call.
func newProcessor(secret, base, account string, transport http.RoundTripper, wall func() time.Time) *processor {
	config := &stripe.BackendConfig{HTTPClient: &http.Client{Timeout: patience, Transport: transport}, MaxNetworkRetries: new(int64(1)),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}, EnableTelemetry: new(false)}
	if base != "" {
		config.URL = new(strings.TrimSuffix(base, "/"))
	}
	return &processor{stripe.NewClient(secret, stripe.WithBackends(stripe.NewBackendsWithConfig(config))), account, wall}
}

// verdict is what an error of a call means for what was asked.
type verdict int

const (
	unknown  verdict = iota // it may have happened: ask again with the same key
	declined                // the bank or the processor said no to this charge
	refused                 // the call is wrong and did nothing; the same call stays wrong
	missing                 // there is no such object in this account
	unkeyed                 // the shop's key does not open the account (any more)
	tooSmall                // the amount is below what can be charged
	mixed                   // the key was used for another call
)

// judge sorts an error of a call by what is to be done about it.
func judge(err error) verdict {
	var e *stripe.Error
	if !errors.As(err, &e) {
		return unknown
	}
	switch {
	case e.Type == stripe.ErrorTypeIdempotency && e.HTTPStatusCode != http.StatusConflict:
		return mixed
	case e.HTTPStatusCode == http.StatusUnauthorized, e.HTTPStatusCode == http.StatusForbidden:
		return unkeyed
	case e.HTTPStatusCode == http.StatusConflict, e.HTTPStatusCode == http.StatusTooManyRequests, e.HTTPStatusCode >= http.StatusInternalServerError:
		return unknown
	case e.Code == stripe.ErrorCodeAmountTooSmall:
		return tooSmall
	case e.Type == stripe.ErrorTypeCard:
		return declined
	case e.Code == stripe.ErrorCodeResourceMissing || e.HTTPStatusCode == http.StatusNotFound:
		return missing
	}
	return refused
}

// shut says that the key opens the account and not this part of it, as keys with
// restricted rights do.
func shut(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && (e.HTTPStatusCode == http.StatusForbidden || e.HTTPStatusCode == http.StatusNotFound)
}

// said is what the processor said about a refusal, for logs.
func said(err error) (code, text string) {
	var e *stripe.Error
	if errors.As(err, &e) {
		return string(e.Code), e.Msg
	}
	return "", err.Error()
}

// intent is a payment as the processor has it. At is when it was asked for, by the
// wall: an answer that was asked for later is the newer one.
type intent struct {
	ID        string
	Status    string // Stripe's
	Amount    int64
	Currency  string // capitals
	Customer  string
	Payment   uuid.UUID // ours, from the metadata
	Shop      uuid.UUID // the shop's, from the metadata
	Wholesale uuid.UUID // the wholesale invoice's, from the metadata
	Method    string    // the card that pays
	Code      string    // of a failure
	Decline   string
	At        time.Time
	Refunded  int64
}

func (p *processor) intentOf(pi *stripe.PaymentIntent, at time.Time) intent {
	in := intent{ID: pi.ID, Status: string(pi.Status), Amount: pi.Amount, Currency: strings.ToUpper(string(pi.Currency)), At: at}
	in.Payment, _ = uuid.Parse(pi.Metadata["payment_id"])
	in.Shop, _ = uuid.Parse(pi.Metadata["shop_id"])
	in.Wholesale, _ = uuid.Parse(pi.Metadata["wholesale_id"])
	if pi.PaymentMethod != nil {
		in.Method = pi.PaymentMethod.ID
	}
	if pi.Customer != nil {
		in.Customer = pi.Customer.ID
	}
	if e := pi.LastPaymentError; e != nil {
		in.Code, in.Decline = string(e.Code), string(e.DeclineCode)
	}
	if pi.LatestCharge != nil {
		in.Refunded = pi.LatestCharge.AmountRefunded
	}
	return in
}

// account asks who the key belongs to: a call that changes nothing.
func (p *processor) who(ctx context.Context) (id, name string, err error) {
	a, err := p.api.V1Accounts.Retrieve(ctx, &stripe.AccountRetrieveParams{})
	if err != nil {
		return "", "", err
	}
	if a.Settings != nil && a.Settings.Dashboard != nil {
		name = a.Settings.Dashboard.DisplayName
	}
	return a.ID, name, nil
}

func (p *processor) makeCustomer(ctx context.Context, key, email, name string, metadata map[string]string) (string, error) {
	params := &stripe.CustomerCreateParams{Email: &email, Name: &name, Metadata: metadata}
	params.SetIdempotencyKey(key)
	c, err := p.api.V1Customers.Create(ctx, params)
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

// charge takes a payment from a saved card without the customer. A decline comes
// back as an intent that failed, not as an error.
func (p *processor) charge(ctx context.Context, of payment, method string) (intent, error) {
	at := p.wall()
	params := &stripe.PaymentIntentCreateParams{Amount: new(minor(of.Amount, of.Currency)), Currency: new(strings.ToLower(of.Currency)), Customer: &of.Customer,
		PaymentMethod: &method, PaymentMethodTypes: []*string{new("card")}, Confirm: new(true), OffSession: new(true), Description: &of.Description, Metadata: of.metadata()}
	params.SetIdempotencyKey(of.IdempotencyKey)
	pi, err := p.api.V1PaymentIntents.Create(ctx, params)
	var e *stripe.Error
	if errors.As(err, &e) && judge(err) == declined && e.PaymentIntent != nil {
		in := p.intentOf(e.PaymentIntent, at)
		in.Code, in.Decline = string(e.Code), string(e.DeclineCode)
		return in, nil
	}
	if err != nil {
		return intent{}, err
	}
	return p.intentOf(pi, at), nil
}

// intent fetches a payment.
func (p *processor) intent(ctx context.Context, id string) (intent, error) {
	at := p.wall()
	pi, err := p.api.V1PaymentIntents.Retrieve(ctx, id, &stripe.PaymentIntentRetrieveParams{Expand: []*string{new("latest_charge")}})
	if err != nil {
		return intent{}, err
	}
	return p.intentOf(pi, at), nil
}

// cancelIntent gives a payment up. One that cannot be given up any more is no error:
// whoever asks looks at it again.
func (p *processor) cancelIntent(ctx context.Context, id string) error {
	_, err := p.api.V1PaymentIntents.Cancel(ctx, id, &stripe.PaymentIntentCancelParams{})
	if err != nil && judge(err) == refused {
		return nil
	}
	return err
}

// findIntent looks among a customer's latest payments for the one that belongs to a
// row of ours, whose answer was lost longer ago than keys are remembered.
func (p *processor) findIntent(ctx context.Context, of payment) (in intent, found bool, err error) {
	at := p.wall()
	params := &stripe.PaymentIntentListParams{Customer: &of.Customer}
	params.Limit = new(int64(100))
	for pi, err := range p.api.V1PaymentIntents.List(ctx, params).All(ctx) {
		if err != nil {
			return intent{}, false, err
		}
		if pi.Metadata["payment_id"] == of.ID.String() {
			return p.intentOf(pi, at), true, nil
		}
		if time.Unix(pi.Created, 0).Before(at.Add(-lookBack)) {
			break
		}
	}
	return intent{}, false, nil
}

// lookBack is how far back a lost payment is looked for.
const lookBack = 90 * 24 * time.Hour

func (p *processor) detach(ctx context.Context, method string) error {
	_, err := p.api.V1PaymentMethods.Detach(ctx, method, &stripe.PaymentMethodDetachParams{})
	if err != nil && (judge(err) == missing || judge(err) == refused) {
		return nil // it is attached to nobody, which is what was asked for
	}
	return err
}

// giveBack is a refund as the processor has it.
type giveBack struct {
	ID     string
	Status string // pending, requires_action, succeeded, failed, canceled
	Row    uuid.UUID
	Why    string // of a failure
}

func giveBackOf(r *stripe.Refund) giveBack {
	out := giveBack{ID: r.ID, Status: string(r.Status), Why: string(r.FailureReason)}
	out.Row, _ = uuid.Parse(r.Metadata["refund_id"])
	return out
}

func (p *processor) refund(ctx context.Context, of refund, shop uuid.UUID) (giveBack, error) {
	params := &stripe.RefundCreateParams{PaymentIntent: &of.Intent, Amount: new(minor(of.Amount, of.Currency)),
		Metadata: map[string]string{"refund_id": of.ID.String(), "shop_id": shop.String()}}
	params.SetIdempotencyKey(of.IdempotencyKey)
	r, err := p.api.V1Refunds.Create(ctx, params)
	if err != nil {
		return giveBack{}, err
	}
	return giveBackOf(r), nil
}

func (p *processor) refundByID(ctx context.Context, id string) (giveBack, error) {
	r, err := p.api.V1Refunds.Retrieve(ctx, id, &stripe.RefundRetrieveParams{})
	if err != nil {
		return giveBack{}, err
	}
	return giveBackOf(r), nil
}

// quarrel is a dispute as the processor has it.
type quarrel struct {
	ID, Intent, Status, Reason string
}

func (p *processor) dispute(ctx context.Context, id string) (quarrel, error) {
	d, err := p.api.V1Disputes.Retrieve(ctx, id, &stripe.DisputeRetrieveParams{})
	if err != nil {
		return quarrel{}, err
	}
	q := quarrel{ID: d.ID, Status: string(d.Status), Reason: string(d.Reason)}
	if d.PaymentIntent != nil {
		q.Intent = d.PaymentIntent.ID
	}
	return q, nil
}
