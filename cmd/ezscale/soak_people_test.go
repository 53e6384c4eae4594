package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
)

// soakCustomer is somebody with a key to the API of a shop.
type soakCustomer struct {
	shop, name string
	header     http.Header
}

// register makes the customers beside the running program.
func (s *soak) register() {
	s.p.reading(func(ctx context.Context, in *installation) error {
		for _, c := range s.people {
			t, err := in.tenantBySlug(c.shop)
			if err != nil {
				return err
			}
			user, _, err := in.accounts.Create(ctx, t, accounts.NewUser{Email: c.name + "@" + c.shop + ".test", Name: c.name, Role: accounts.Customer, Actor: cliActor})
			if err != nil {
				return err
			}
			if err := in.ledger.Grant(ctx, t, cliActor, user.ID, decimal.NewFromInt(100_000), "granted for the soak", "soak:"+user.ID.String()); err != nil {
				return err
			}
			key, secret, err := in.accounts.CreateKey(ctx, t, user.ID, "soak")
			if err != nil {
				return err
			}
			c.header = http.Header{"X-Api-Key": {key.Key}, "X-Api-Secret": {secret}}
		}
		return nil
	})
}

// soakDesk is one place for a desktop, and what its customer believes of it.
type soakDesk struct {
	s      *soak
	n      int
	who    *soakCustomer
	chance *rand.Rand

	id     string // of the workspace; "" while there is none
	on     bool   // it was asked to run
	orders []string
}

// customers lets everybody do what they like, a few at a time.
func (s *soak) customers() {
	todo := make(chan *soakDesk)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for d := range todo {
				d.act()
			}
		})
	}
	for _, d := range s.desks {
		todo <- d
	}
	close(todo)
	all.Wait()
}

// act is what the customer does with the desktop at this moment: mostly nothing.
func (d *soakDesk) act() {
	switch n := d.chance.IntN(100); {
	case d.id == "" && n < 20:
		d.order()
	case d.id == "" || d.on && n >= 8 || !d.on && n >= 16:
	case d.chance.IntN(12) == 0:
		if d.do("destroy_workspace") {
			d.id, d.on = "", false
		}
	case d.on:
		d.on = !d.do("stop_workspace")
	default:
		d.on = d.do("start_workspace")
	}
}

// order takes a desktop, one in eight with an age at which it ends.
func (d *soakDesk) order() {
	wish := object{"workspace_type": []string{"developer_basic", "business_basic", "business_pro", "developer_pro"}[d.n%4]}
	if d.chance.IntN(8) == 0 {
		wish["session_duration"] = 600 + d.chance.IntN(7200)
	}
	if said := d.ask("create_workspace?wait=0", wish, http.StatusCreated, http.StatusAccepted); said != nil {
		d.id, d.on = fmt.Sprint(said["workspace_id"]), true
		d.orders = append(d.orders, d.id)
	}
}

func (d *soakDesk) do(what string) bool {
	return d.ask(what, object{"workspace_id": d.id}, http.StatusOK) != nil
}

// ask is nil when there is no room. Any other refusal is a fault.
func (d *soakDesk) ask(what string, body object, fine ...int) object {
	a, err := d.s.ask(http.MethodPost, d.who.shop+".localhost", "/api/public/"+what, d.who.header, body)
	d.s.answers.Lock()
	d.s.answers.by[fmt.Sprintf("%s %d", what, a.status)]++
	d.s.answers.Unlock()
	for _, status := range fine {
		if err == nil && a.status == status {
			return a.body
		}
	}
	if err != nil || a.status != http.StatusServiceUnavailable {
		d.s.t.Errorf("desktop %d at %s: %s %v: %d %s %v", d.n, clockTime(d.s.now), what, body, a.status, a.text, err)
	}
	return nil
}

// ask sends one request to the program; it may be used by many at once.
func (s *soak) ask(method, host, path string, header http.Header, body object) (a answer, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.p.address+path, bytes.NewReader(text))
	if err != nil {
		return a, err
	}
	req.Host = host
	req.Header = http.Header{"Content-Type": {"application/json"}}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	a = answer{status: res.StatusCode, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body)
	return a, err
}
