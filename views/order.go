package views

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

// OrderProps is the order form with what was chosen and what was wrong with it.
type OrderProps struct {
	When
	Reach     map[uuid.UUID]DeskFunds // by plan: how long a desktop could run from now on
	Plans     []workspaces.Plan
	Templates []workspaces.Template
	Type      string // the plan that is chosen
	Template  string // the template that is chosen, by its name
	Fields    map[string]string
	Said      string // why the order as a whole was not taken
	Verified  bool
	MayStart  bool
	Minimum   string
	Support   string
	Credit    decimal.Decimal
	Rooms     workspaces.Rooms // nil when the hosts do not tell
	Again     bool             // refused for want of room: the choice may be sent once more
	Until     RunUntil
}

// Fits says that a desktop of the plan would find room now, as far as is known.
func (p OrderProps) Fits(plan workspaces.Plan) bool {
	return p.Rooms == nil || p.Rooms.Fits(plan.Driver, plan.VCPU, plan.RAMMB)
}

// FirstWithRoom is the plan to begin with: what was chosen, else the first one that
// has room.
func (p OrderProps) FirstWithRoom() string {
	first := ""
	for _, plan := range p.Plans {
		switch {
		case p.Type == plan.ServiceType && (p.Fits(plan) || p.full()):
			return p.Type
		case first == "" && (p.Fits(plan) || p.full()):
			first = plan.ServiceType
		}
	}
	return first
}

// noRoom says what to do about a plan that has no room, "" when it has.
func (p OrderProps) noRoom(plan workspaces.Plan) string {
	switch {
	case p.Fits(plan):
		return ""
	case p.Rooms.None(plan.Driver):
		return "This shop cannot start desktops of this kind yet."
	case p.full():
		return "Come back in a while."
	}
	return "Choose another size, or come back in a while."
}

// off says that a plan cannot be chosen.
func (p OrderProps) off(plan workspaces.Plan) bool {
	return !p.Fits(plan) && !(p.Again && p.Type == plan.ServiceType)
}

// full says that there is room for nothing that is sold here.
func (p OrderProps) full() bool {
	for _, plan := range p.Plans {
		if p.Fits(plan) {
			return false
		}
	}
	return len(p.Plans) > 0
}

// lookAgain is this page with the same choice.
func (p OrderProps) lookAgain() string {
	return "/kasm/order?" + url.Values{"workspace_type": {p.Type}, "template": {p.Template}}.Encode()
}

func (p OrderProps) fullBecause() string {
	for _, plan := range p.Plans {
		if !p.Rooms.None(plan.Driver) {
			return "Every size is full right now. Desktops that others stop make room, so look again in a few minutes."
		}
	}
	return "This shop cannot start desktops yet."
}

// symbol stands before an amount in this form.
func (p OrderProps) symbol() string {
	if len(p.Plans) == 0 {
		return ""
	}
	return planTariff(p.Plans[0]).symbol()
}

// kinds of plans, in the order of the form.
type kind struct{ Name, Title, Text string }

func (p OrderProps) kinds() (out []kind) {
	for _, k := range []kind{{"developer", "Developer", "For code, containers and everything around them"}, {"business", "Business", "For mail, documents, meetings and the web"}} {
		if len(p.plansOf(k.Name)) > 0 {
			out = append(out, k)
		}
	}
	return out
}

func (p OrderProps) plansOf(kind string) (out []workspaces.Plan) {
	for _, plan := range p.Plans {
		if plan.WorkspaceType == kind {
			out = append(out, plan)
		}
	}
	return out
}

func (p OrderProps) templatesOf(kind string) (out []workspaces.Template) {
	for _, t := range p.Templates {
		if t.WorkspaceType == kind {
			out = append(out, t)
		}
	}
	return out
}

// pick numbers a plan, so that the style sheet can show the summary of the one
// that is chosen without any script.
func (p OrderProps) pick(plan workspaces.Plan) string {
	for i, other := range p.Plans {
		if other.ID == plan.ID {
			return strconv.Itoa(i + 1)
		}
	}
	return ""
}

// chosen says that a template is the one to begin with: what was chosen, else
// the first.
func (p OrderProps) chosen(t workspaces.Template) bool {
	if p.Template != "" || p.Fields["template"] != "" {
		return strings.EqualFold(p.Template, t.Name)
	}
	for _, plan := range p.Plans {
		if plan.ServiceType == p.Type {
			fitting := p.templatesOf(plan.WorkspaceType)
			return len(fitting) > 0 && fitting[0].ID == t.ID
		}
	}
	return false
}

func (p OrderProps) errors() (out []FieldError) {
	for _, name := range []string{"workspace_type", "template", "run_for", "run_budget"} {
		if said := p.Fields[name]; said != "" {
			out = append(out, FieldError{Name: name, Message: said})
		}
	}
	return out
}

func planRate(p workspaces.Plan) string { return money.Rate(p.PricePerHour, p.Currency) }

func planBlock(p workspaces.Plan) string {
	return money.Usage(p.PricePerHour, int64(p.BlockSeconds), p.Currency).Format()
}

func planSpecs(p workspaces.Plan) []string {
	specs := []string{strconv.Itoa(p.VCPU) + " vCPU", memory(p.RAMMB), planBlock(p) + " per " + strconv.Itoa(p.BlockSeconds/60) + " min"}
	if p.Price != nil && p.Price.IsPositive() {
		specs = append(specs, "plus "+money.Of(*p.Price, p.Currency).Format()+" a month")
	}
	return specs
}

func (p OrderProps) summary(plan workspaces.Plan) []Item {
	items := []Item{
		{Term: "Size", Text: strconv.Itoa(plan.VCPU) + " vCPU, " + memory(plan.RAMMB)},
		{Term: "Each " + every(plan.BlockSeconds) + " begun", Text: planBlock(plan)},
		{Term: "While it is stopped", Text: "nothing"},
	}
	if until := p.reach(plan); until != "" {
		items = append(items, Item{Term: "Can run", Text: until})
	}
	return items
}

// reach is until when the balance pays a desktop of the plan that starts now; "" when
// nothing near ends it.
func (p OrderProps) reach(plan workspaces.Plan) string {
	f := p.Reach[plan.ID]
	switch {
	case !f.Known || !f.ends(p.Now) || !f.At.After(p.Now):
		return ""
	case f.By == "cap":
		return f.until(p.When) + ", within your monthly cap"
	case f.Shared > 1:
		return f.until(p.When) + ", on the balance that your other desktops use, too"
	}
	return f.until(p.When) + " with this balance"
}

func apps(t workspaces.Template) string {
	const most = 4
	if len(t.Apps) > most {
		return strings.Join(t.Apps[:most], ", ") + " and more"
	}
	return strings.Join(t.Apps, ", ")
}
