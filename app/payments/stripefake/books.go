package stripefake

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Books are what an account has taken and given back.
type Books struct {
	Payments []Payment        `json:"payments"` // the oldest first
	Charged  map[string]int64 `json:"charged"`  // by currency, in its smallest unit
	Refunded map[string]int64 `json:"refunded"`
}

// Payment is one intent.
type Payment struct {
	ID       string            `json:"id"`
	Status   string            `json:"status"`
	Amount   int64             `json:"amount"`
	Refunded int64             `json:"refunded"`
	Currency string            `json:"currency"`
	Metadata map[string]string `json:"metadata"`
}

// Books reads an account's books out.
func (f *Fake) Books(secret string) Books {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := Books{Payments: []Payment{}, Charged: map[string]int64{}, Refunded: map[string]int64{}}
	a := f.of(secret)
	if a == nil {
		return b
	}
	for _, id := range a.order {
		in := a.intents[id]
		p := Payment{ID: in.ID, Status: in.Status, Amount: in.Amount, Currency: in.Currency, Metadata: in.Metadata}
		if in.Charge != nil {
			p.Refunded = in.Charge.Refunded
			b.Charged[in.Currency] += in.Charge.Amount
			b.Refunded[in.Currency] += in.Charge.Refunded
		}
		b.Payments = append(b.Payments, p)
	}
	return b
}

// Paid are the intents of an account that brought money.
func (b Books) Paid() []Payment {
	return slices.DeleteFunc(slices.Clone(b.Payments), func(p Payment) bool { return p.Status != "succeeded" })
}

// books gives the books of a key to another process.
func (f *Fake) books(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(f.Books(r.URL.Query().Get("key")))
}
