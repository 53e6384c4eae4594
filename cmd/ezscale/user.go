package main

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
)

type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Create a customer, staff member or owner; the mail address is taken as verified."`
	Erase  userEraseCmd  `cmd:"" help:"Close a customer's account and forget who it was; issued invoices stay as they are."`
}

type userCreateCmd struct {
	Tenant   string `help:"The tenant's slug." required:""`
	Email    string `help:"E-mail address." required:""`
	Name     string `help:"Name."`
	Password string `help:"Password; made up and printed when not given."`
	Role     string `help:"customer, staff or owner." enum:"customer,staff,owner" default:"customer"`
	Credit   string `help:"Prepaid credit to grant, such as 20.00."`
	APIKey   bool   `name:"api-key" help:"Make an API key and print it with its secret."`
	JSON     bool   `help:"Print one line of JSON."`
}

const cliActor = "command line"

// Run creates the person, then what was asked for beside.
func (cmd userCreateCmd) Run(c *console) error {
	credit, err := amountOf("credit", cmd.Credit)
	if err != nil {
		return err
	}
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		user, password, err := in.accounts.Create(c.ctx, t, accounts.NewUser{Email: cmd.Email, Name: cmd.Name, Role: accounts.Role(cmd.Role), Password: cmd.Password, Actor: cliActor})
		if err != nil {
			return err
		}
		data := map[string]any{"id": user.ID, "email": user.Email}
		text := fmt.Sprintf("%s %s created in %s", user.Role, user.Email, t.Slug)
		if cmd.Password == "" {
			data["password"] = password
			text += "\n  password " + password
		}
		if credit.IsPositive() {
			if err := in.ledger.Grant(c.ctx, t, cliActor, user.ID, credit, "granted at creation", "creation:"+user.ID.String()); err != nil {
				return err
			}
			text += "\n  credit " + cmd.Credit + " " + t.Currency
		}
		if cmd.APIKey {
			key, secret, err := in.accounts.CreateKey(c.ctx, t, user.ID, "made on the command line")
			if err != nil {
				return err
			}
			data["api_key"], data["api_secret"] = key.Key, secret
			text += "\n  api key " + key.Key + "\n  api secret " + secret + " (shown this once)"
		}
		return c.print(cmd.JSON, data, text)
	})
}

func amountOf(field, text string) (decimal.Decimal, error) {
	if text == "" {
		return decimal.Zero, nil
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return d, misused("--%s: %q is no amount; give a decimal number such as 20.00", field, text)
	}
	if d.IsNegative() {
		return d, misused("--%s: an amount is not below zero", field)
	}
	return d, nil
}

type operatorCmd struct {
	Create operatorCreateCmd `cmd:"" help:"Create an operator, who signs in at /admin/sign-in."`
}

type operatorCreateCmd struct {
	Email    string `help:"E-mail address." required:""`
	Name     string `help:"Name."`
	Password string `help:"Password; made up and printed when not given."`
	JSON     bool   `help:"Print one line of JSON."`
}

// Run creates the operator.
func (cmd operatorCreateCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		operator, password, err := in.accounts.CreateOperator(c.ctx, cmd.Email, cmd.Name, cmd.Password)
		if err != nil {
			return err
		}
		data := map[string]any{"id": operator.ID, "email": operator.Email}
		text := "operator " + operator.Email + " created"
		if cmd.Password == "" {
			data["password"] = password
			text += "\n  password " + password
		}
		return c.print(cmd.JSON, data, text)
	})
}
