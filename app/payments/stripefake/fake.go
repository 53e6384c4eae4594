// Package stripefake is a small Stripe with a memory: customers, cards, intents,
// checkout pages, refunds and disputes that go through their states, keys that
// remember what they were used for, and signed announcements that can be late, come
// twice, in the wrong order or not at all. It knows the calls that this product
// makes, and the test cards by their numbers. Its books can be read out and compared
// with ours. It stands in for Stripe in tests and in the demonstration, and nowhere
// else.
package stripefake

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Fake is all accounts, one for each secret key. It is safe for use by several
// goroutines.
type Fake struct {
	mu       sync.Mutex
	now      func() time.Time
	base     string
	accounts map[string]*account // by secret key
	mux      *http.ServeMux
	lose     int // answers that get lost after the work was done
	refuse   int // calls that are answered 503 before anything is done
	slow     int // charges that stay undecided
	calls    []Call
}

// Call is one call that came in, for tests that count them.
type Call struct {
	Key, Method, Path, IdempotencyKey string
	Form                              url.Values
}

// account is one Stripe account with everything in it.
type account struct {
	id, name  string
	secret    string
	customers map[string]*customer
	methods   map[string]*method
	intents   map[string]*intent
	setups    map[string]*setupIntent
	sessions  map[string]*session
	refunds   map[string]*refund
	disputes  map[string]*dispute
	repeats   map[string]repeat
	order     []string // ids of intents, the oldest first
	events    []Event
	hook      hook
}

// New is an empty Stripe. Its clock is the wall's.
func New(now func() time.Time) *Fake {
	f := &Fake{now: now, accounts: map[string]*account{}, mux: http.NewServeMux()}
	for pattern, handle := range map[string]func(*account, *request) answer{
		"GET /v1/account":                        f.getAccount,
		"POST /v1/customers":                     f.createCustomer,
		"POST /v1/payment_intents":               f.createIntent,
		"GET /v1/payment_intents":                f.listIntents,
		"GET /v1/payment_intents/{id}":           f.getIntent,
		"POST /v1/payment_intents/{id}/cancel":   f.cancelIntent,
		"POST /v1/payment_methods/{id}/detach":   f.detachMethod,
		"POST /v1/checkout/sessions":             f.createSession,
		"GET /v1/checkout/sessions/{id}":         f.getSession,
		"POST /v1/checkout/sessions/{id}/expire": f.expireSession,
		"POST /v1/refunds":                       f.createRefund,
		"GET /v1/refunds/{id}":                   f.getRefund,
		"GET /v1/disputes/{id}":                  f.getDispute,
	} {
		f.mux.HandleFunc(pattern, f.call(handle))
	}
	f.mux.HandleFunc("GET /c/pay/{id}", f.page)
	f.mux.HandleFunc("POST /c/pay/{id}", f.pay)
	f.mux.HandleFunc("GET /books", f.books)
	f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, failed(http.StatusNotFound, "invalid_request_error", "", "Unrecognized request URL ("+r.Method+": "+r.URL.Path+")."))
	})
	return f
}

// ServeHTTP answers.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.mux.ServeHTTP(w, r) }

// At says where the fake is served, for the addresses of its checkout pages.
func (f *Fake) At(base string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.base = strings.TrimSuffix(base, "/")
}

// Lose cuts the connection of the next n calls that change something, after they
// were carried out.
func (f *Fake) Lose(n int) { f.set(func() { f.lose = n }) }

// Refuse answers the next n calls with 503, before anything is done.
func (f *Fake) Refuse(n int) { f.set(func() { f.refuse = n }) }

// Slow leaves the next n charges undecided, until Decide.
func (f *Fake) Slow(n int) { f.set(func() { f.slow = n }) }

func (f *Fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// Calls are all calls that came in with a key, the oldest first.
func (f *Fake) Calls(key string) (own []Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.Key == key {
			own = append(own, c)
		}
	}
	return own
}

// of is the account of a secret key, made at its first use. Only test keys open one.
func (f *Fake) of(secret string) *account {
	if !strings.HasPrefix(secret, "sk_test_") || strings.HasPrefix(secret, "sk_test_revoked") {
		return nil
	}
	a := f.accounts[secret]
	if a == nil {
		a = &account{id: newID("acct"), name: "Test account", secret: secret, customers: map[string]*customer{}, methods: map[string]*method{},
			intents: map[string]*intent{}, setups: map[string]*setupIntent{}, sessions: map[string]*session{}, refunds: map[string]*refund{},
			disputes: map[string]*dispute{}, repeats: map[string]repeat{}}
		f.accounts[secret] = a
	}
	return a
}

func newID(prefix string) string { return prefix + "_" + rand.Text() }

// request is a call with its form.
type request struct {
	form url.Values
	id   string // of the path
	now  time.Time
}

// answer is a status and an object.
type answer struct {
	status int
	body   any
}

func ok(body any) answer { return answer{http.StatusOK, body} }

// failed is an error as Stripe words them.
func failed(status int, kind, code, text string) answer {
	return answer{status, map[string]any{"error": map[string]any{"type": kind, "code": code, "message": text}}}
}

func missing(what, id string) answer {
	return failed(http.StatusNotFound, "invalid_request_error", "resource_missing", "No such "+what+": '"+id+"'")
}

func wrong(param, text string) answer {
	return answer{http.StatusBadRequest, map[string]any{"error": map[string]any{"type": "invalid_request_error", "param": param, "message": text}}}
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", newID("req"))
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

// call stands before every call: the key, the faults that were asked for, and the
// memory of idempotency keys.
func (f *Fake) call(handle func(*account, *request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if user, _, basic := r.BasicAuth(); basic {
			secret = user
		}
		if err := r.ParseForm(); err != nil {
			write(w, wrong("", "The body could not be read."))
			return
		}
		a, lost := f.answer(secret, r, handle)
		if lost && cut(w) {
			return
		}
		write(w, a)
	}
}

func (f *Fake) answer(secret string, r *http.Request, handle func(*account, *request) answer) (a answer, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.of(secret)
	if own == nil {
		return failed(http.StatusUnauthorized, "invalid_request_error", "", "Invalid API Key provided: sk_…"), false
	}
	key := r.Header.Get("Idempotency-Key")
	f.calls = append(f.calls, Call{secret, r.Method, r.URL.Path, key, r.Form})
	if f.refuse > 0 {
		f.refuse--
		return failed(http.StatusServiceUnavailable, "api_error", "", "Try again."), false
	}
	q := &request{form: r.Form, id: r.PathValue("id"), now: f.now()}
	if r.Method == http.MethodGet || key == "" {
		a = handle(own, q)
	} else {
		a = own.once(key, r, func() answer { return handle(own, q) })
	}
	if f.lose > 0 && r.Method != http.MethodGet {
		f.lose--
		return a, true
	}
	return a, false
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) bool {
	h, is := w.(http.Hijacker)
	if !is {
		return false
	}
	conn, _, err := h.Hijack()
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// repeat is what an idempotency key was used for, and its answer.
type repeat struct {
	what   string
	answer answer
}

// once answers a key as it was answered before; another body under it is an error.
// Errors in the request itself are not remembered, as with Stripe.
func (a *account) once(key string, r *http.Request, do func() answer) answer {
	what := r.Method + " " + r.URL.Path + "?" + r.Form.Encode()
	if before, used := a.repeats[key]; used {
		if before.what != what {
			return failed(http.StatusBadRequest, "idempotency_error", "", "Keys for idempotent requests can only be used with the same parameters they were first used with.")
		}
		return before.answer
	}
	got := do()
	if got.status == http.StatusOK || got.status == http.StatusPaymentRequired {
		a.repeats[key] = repeat{what, frozen(got)}
	}
	return got
}

// frozen is an answer as it is now: what happens to the object later is not in it.
func frozen(a answer) answer {
	body, err := json.Marshal(a.body)
	if err != nil {
		return a
	}
	return answer{a.status, json.RawMessage(body)}
}
