package stripefake

import (
	"net/http"
	"net/url"
	"strings"
)

type customer struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Email    string            `json:"email"`
	Name     string            `json:"name"`
	Metadata map[string]string `json:"metadata"`
	Created  int64             `json:"created"`
}

type method struct {
	ID       string  `json:"id"`
	Object   string  `json:"object"`
	Type     string  `json:"type"`
	Customer *string `json:"customer"`
	Card     cardOf  `json:"card"`
	Created  int64   `json:"created"`
	number   string
}

type cardOf struct {
	Brand string `json:"brand"`
	Last4 string `json:"last4"`
	Month int    `json:"exp_month"`
	Year  int    `json:"exp_year"`
}

type setupIntent struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Status   string            `json:"status"`
	Customer string            `json:"customer"`
	Method   *method           `json:"payment_method"`
	Metadata map[string]string `json:"metadata"`
}

func (f *Fake) getAccount(a *account, _ *request) answer {
	return ok(map[string]any{"id": a.id, "object": "account", "settings": map[string]any{"dashboard": map[string]any{"display_name": a.name}}})
}

func (f *Fake) createCustomer(a *account, r *request) answer {
	c := &customer{ID: newID("cus"), Object: "customer", Email: r.form.Get("email"), Name: r.form.Get("name"), Metadata: metadata(r.form, "metadata"), Created: r.now.Unix()}
	a.customers[c.ID] = c
	return ok(c)
}

func (f *Fake) detachMethod(a *account, r *request) answer {
	m := a.methods[r.id]
	if m == nil {
		return missing("PaymentMethod", r.id)
	}
	if m.Customer == nil {
		return wrong("payment_method", "The payment method is not attached to a customer.")
	}
	m.Customer = nil
	f.announce(a, "payment_method.detached", m)
	return ok(m)
}

// AddCard saves a test card for a customer, as a setup that went well would.
func (f *Fake) AddCard(secret, customerID, number string) (methodID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attach(f.of(secret), customerID, number).ID
}

func (f *Fake) attach(a *account, customerID, number string) *method {
	m := &method{ID: newID("pm"), Object: "payment_method", Type: "card", Customer: &customerID, Created: f.now().Unix(), number: number,
		Card: cardOf{brandOf(number), number[max(0, len(number)-4):], 12, f.now().Year() + 3}}
	a.methods[m.ID] = m
	f.announce(a, "payment_method.attached", m)
	return m
}

func brandOf(number string) string {
	if strings.HasPrefix(number, "5") {
		return "mastercard"
	}
	return "visa"
}

// metadata collects name[key]=value.
func metadata(form url.Values, name string) map[string]string {
	m := map[string]string{}
	for field, values := range form {
		if key, is := strings.CutPrefix(field, name+"["); is && strings.HasSuffix(key, "]") && !strings.Contains(key, "][") && len(values) > 0 {
			m[strings.TrimSuffix(key, "]")] = values[0]
		}
	}
	return m
}

// The test cards, by what they do. Numbers are Stripe's own.
const (
	CardOK           = "4242424242424242"
	CardMaster       = "5555555555554444"
	CardDeclined     = "4000000000000002"
	CardNoFunds      = "4000000000009995"
	CardLost         = "4000000000009987"
	CardExpired      = "4000000000000069"
	CardWrongCVC     = "4000000000000127"
	CardProcessing   = "4000000000000119"
	CardChargeFails  = "4000000000000341" // can be saved, every charge is declined
	CardConfirmOnce  = "4000002500003155" // the bank asks when it is saved, not later
	CardConfirmAll   = "4000002760003184" // the bank asks every time
	CardNoFundsLater = "4000008260003178" // the bank asks when it is saved; charges then lack money
	CardDisputed     = "4000000000000259" // the charge goes well and is disputed
	CardRefundFails  = "4000000000005126" // the refund begins and fails later
)

// decline is what the bank says to a charge; an empty code is yes.
type decline struct{ code, reason, text string }

// bank decides about a charge. Present says that the customer confirmed it there.
func bank(number string, offSession, present bool) decline {
	declined := func(reason, text string) decline { return decline{"card_declined", reason, text} }
	switch number {
	case CardDeclined, CardChargeFails:
		return declined("generic_decline", "Your card was declined.")
	case CardNoFunds, CardNoFundsLater:
		return declined("insufficient_funds", "Your card has insufficient funds.")
	case CardLost:
		return declined("lost_card", "Your card was declined.")
	case CardExpired:
		return decline{"expired_card", "expired_card", "Your card has expired."}
	case CardWrongCVC:
		return decline{"incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."}
	case CardProcessing:
		return decline{"processing_error", "processing_error", "An error occurred while processing your card."}
	case CardConfirmAll:
		if offSession {
			return decline{"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication."}
		}
	}
	if asks(number) && !offSession && !present {
		return decline{"authentication_required", "authentication_required", "We are unable to authenticate your payment method."}
	}
	return decline{}
}

// asks says that the bank wants to see the customer when they are there.
func asks(number string) bool {
	return number == CardConfirmOnce || number == CardConfirmAll || number == CardNoFundsLater
}

// savable says that a card can be saved.
func savable(number string) bool {
	d := bank(number, false, true)
	return d.code == "" || number == CardChargeFails || number == CardNoFundsLater
}

func paymentRequired(d decline, in *intent) answer {
	e := map[string]any{"type": "card_error", "code": d.code, "decline_code": d.reason, "message": d.text}
	if in != nil {
		e["payment_intent"] = in
	}
	return answer{http.StatusPaymentRequired, map[string]any{"error": e}}
}
