package payments

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// kept is the setting `stripe`: the keys, sealed, and what may be shown of them.
type kept struct {
	Sealed  string `json:"sealed"`
	Account string `json:"account"`
	Name    string `json:"name"`
	Ending  string `json:"ending"` // of the secret key
	Test    bool   `json:"test"`   // the keys are of Stripe's test mode
}

// Account is what may be shown of the keys that a shop has entered.
type Account struct {
	Set     bool // the shop takes cards
	Account string
	Name    string
	Ending  string
	Test    bool
	House   bool // the keys come from the installation's environment
}

// errNoCards says that the shop has no account at the processor.
var errNoCards = fail.Coded(fail.Conflict, "no_cards", "This shop takes no cards. Ask for a bank transfer, or for credit, and it will be booked by hand.")

// NoCards says whether an error means that the shop takes no cards.
func NoCards(err error) bool { return err != nil && err == error(errNoCards) }

// keys are the shop's own, else, for the provider's own shop, the installation's.
func (s *Service) keys(ctx context.Context, t tenants.Tenant) (Keys, kept, error) {
	var k kept
	var raw string
	var found bool
	if err := s.DB.Read(ctx, t, keysQ(&raw, &found)); err != nil {
		return Keys{}, k, err
	}
	if !found {
		if t.House && s.House.Secret != "" {
			return s.House, kept{Ending: ending(s.House.Secret), Test: testKey(s.House.Secret)}, nil
		}
		return Keys{}, k, errNoCards
	}
	if err := json.Unmarshal([]byte(raw), &k); err != nil {
		return Keys{}, k, fmt.Errorf("the setting stripe is not readable: %w", err)
	}
	if k.Sealed == "" || s.Sealer == nil {
		return Keys{}, k, errNoCards
	}
	sealed, err := base64.StdEncoding.DecodeString(k.Sealed)
	if err != nil {
		return Keys{}, k, fmt.Errorf("the setting stripe is not readable: %w", err)
	}
	plain, err := s.Sealer.Open(sealed, seal.Context(t.ID, seal.StripeKey))
	if err != nil {
		return Keys{}, k, fmt.Errorf("the shop's keys at Stripe: %w", err)
	}
	var keys Keys
	if err := json.Unmarshal(plain, &keys); err != nil {
		return Keys{}, k, fmt.Errorf("the shop's keys at Stripe are not readable: %w", err)
	}
	return keys, k, nil
}

// at is the shop's account at the processor; NoCards when it has none.
func (s *Service) at(ctx context.Context, t tenants.Tenant) (*processor, error) {
	keys, k, err := s.keys(ctx, t)
	if err != nil {
		return nil, err
	}
	return s.open(keys.Secret, k.Account), nil
}

func (s *Service) open(secret, account string) *processor {
	return newProcessor(secret, s.APIBase, account, s.transport, s.Wall)
}

// AccountOf is what may be shown of the shop's keys.
func (s *Service) AccountOf(ctx context.Context, t tenants.Tenant) (Account, error) {
	_, k, err := s.keys(ctx, t)
	if NoCards(err) {
		return Account{}, nil
	}
	return Account{Set: err == nil, Account: k.Account, Name: k.Name, Ending: k.Ending, Test: k.Test, House: k.Sealed == ""}, err
}

// SetKeys keeps a shop's keys after one harmless call with them. An empty webhook
// secret keeps the one that is there. Cards that were saved in another account are
// of no use in this one and are removed. Errors: Invalid (secret, webhook).
func (s *Service) SetKeys(ctx context.Context, t tenants.Tenant, actor string, keys Keys) (Account, error) {
	keys.Secret, keys.Webhook = strings.TrimSpace(keys.Secret), strings.TrimSpace(keys.Webhook)
	before, was, err := s.keys(ctx, t)
	if err != nil && !NoCards(err) {
		return Account{}, err
	}
	if was.Sealed != "" {
		keys.Secret, keys.Webhook = orElse(keys.Secret, before.Secret), orElse(keys.Webhook, before.Webhook)
	}
	if err := keys.check(); err != nil {
		return Account{}, err
	}
	id, name, err := s.open(keys.Secret, "").who(ctx)
	switch {
	case err == nil:
	case shut(err): // the key is right and may not ask who it is
		id, name = was.Account, was.Name
	case judge(err) == unkeyed:
		return Account{}, fail.Fields{"secret": "Stripe does not know this key. Copy it once more from Developers, API keys."}.Err()
	default:
		return Account{}, fail.Wrap(err, fail.Unavailable, "Stripe could not be asked about this key. Please try again in a moment.")
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return Account{}, err
	}
	k := kept{Sealed: base64.StdEncoding.EncodeToString(s.Sealer.Seal(plain, seal.Context(t.ID, seal.StripeKey))), Account: id, Name: name,
		Ending: ending(keys.Secret), Test: testKey(keys.Secret)}
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error { return s.keep(ctx, tx, k, actor) })
	return Account{Set: true, Account: id, Name: name, Ending: k.Ending, Test: k.Test}, err
}

func (s *Service) keep(ctx context.Context, tx tenants.Tx, k kept, actor string) error {
	if err := saveKeys(ctx, tx, k); err != nil {
		return err
	}
	if err := removeCardsElsewhere(ctx, tx, k.Account); err != nil {
		return err
	}
	return audit(ctx, tx, actor, "stripe.keys_set", k.Account, map[string]string{"account": k.Account, "ending": k.Ending})
}

func (k Keys) check() error {
	wrong := fail.Fields{}
	if !strings.HasPrefix(k.Secret, "sk_") && !strings.HasPrefix(k.Secret, "rk_") || len(k.Secret) > 300 {
		wrong.Add("secret", "A secret key begins with sk_ or rk_.")
	}
	if !strings.HasPrefix(k.Webhook, "whsec_") || len(k.Webhook) > 300 {
		wrong.Add("webhook", "A webhook's signing secret begins with whsec_.")
	}
	return wrong.Err()
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func ending(secret string) string { return secret[max(0, len(secret)-4):] }

func testKey(secret string) bool { return strings.Contains(secret, "_test_") }

// Origins are the addresses to which a form of ours may lead: the processor's page.
func (s *Service) Origins() []string {
	origins := []string{"https://checkout.stripe.com"}
	if u, err := url.Parse(s.APIBase); err == nil && u.Host != "" {
		origins = append(origins, u.Scheme+"://"+u.Host)
	}
	return origins
}

// customer is who a person is at the processor, made at the first need.
func (s *Service) customer(ctx context.Context, t tenants.Tenant, at *processor, user uuid.UUID) (string, error) {
	var id string
	var known bool
	var who payer
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) {
		if who, err = findPayer(ctx, tx, user); err != nil {
			return err
		}
		id, known, err = customerAt(ctx, tx, user, at.account)
		return err
	})
	if err != nil || known {
		return id, err
	}
	id, err = at.makeCustomer(ctx, "customer:"+user.String(), who.Email, who.Name, map[string]string{"user_id": user.String(), "shop_id": t.ID.String()})
	if judge(err) == mixed { // made with another name or address, and the answer was lost
		id, err = at.makeCustomer(ctx, "customer:"+uuid.NewString(), who.Email, who.Name, map[string]string{"user_id": user.String(), "shop_id": t.ID.String()})
	}
	if err != nil {
		return "", s.sorry(ctx, t, "make a customer", err)
	}
	return id, s.DB.In(ctx, t, func(tx tenants.Tx) error { return insertCustomer(ctx, tx, user, at.account, id) })
}

// sorry is what a person is told of a call that did not work out. The processor's
// own words go to the log.
func (s *Service) sorry(ctx context.Context, t tenants.Tenant, what string, err error) error {
	code, text := said(err)
	s.Log.WarnContext(ctx, "the processor did not do what was asked", "tenant", t.Slug, "what", what, "code", code, "err", text)
	switch judge(err) {
	case unkeyed:
		return fail.Wrap(err, fail.Unavailable, "The shop's connection to its card processor does not work at the moment. Please tell the shop.")
	case refused, missing, mixed:
		return fail.Wrap(err, fail.Conflict, "The card processor refused this. Please try again, or tell the shop.")
	}
	return fail.Wrap(err, fail.Unavailable, "The card processor does not answer. Nothing was charged twice; please try again in a moment.")
}
