package views

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"github.com/ezscale/ezscale/app/branding"
)

var update = flag.Bool("update", false, "write what is drawn now as what is wanted")

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// with gives a component its children.
func with(c templ.Component, children ...templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return c.Render(templ.WithChildren(ctx, templ.Join(children...)), w)
	})
}

func text(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := w.Write([]byte(templ.EscapeString(s)))
		return err
	})
}

func northwind() branding.Brand {
	b := branding.Default("Northwind Desktops")
	b.Primary, b.Secondary = branding.Colour{R: 0x0f, G: 0x76, B: 0x6e}, branding.Colour{R: 0xf5, G: 0x9e, B: 0x0b}
	b.SupportEmail, b.SupportPhone = "help@northwind.example", "+1 555 0100"
	return b
}

func shopShell() Shell {
	b := northwind()
	return Shell{
		Title: "Desktops", Brand: b, BrandCSSURL: "/brand.css?v=" + branding.Version(b),
		Nav:    []NavItem{{"Desktops", "/", true}, {"Usage", "/usage", false}, {"Sessions", "/sessions", false}, {"Invoices", "/invoices", false}, {"Keys", "/settings/keys", false}},
		User:   &ShellUser{Name: "Ada Lovelace", Initials: "AL", Email: "ada@example.com"},
		Credit: "$12.40", CreditHref: "/usage", Footer: []NavItem{{"Terms", "/terms", false}, {"Privacy", "/privacy", false}},
	}
}

func timer() TimerProps {
	start := time.Date(2026, 11, 21, 11, 45, 0, 0, time.UTC)
	return TimerProps{
		StartedAt: start, Now: start.Add(2*time.Hour + 37*time.Minute), NextAt: start.Add(2*time.Hour + 45*time.Minute),
		Cost: "$0.55", NextCost: "$0.60", Block: 15 * time.Minute, Title: "Developer Basic · Northwind Desktops",
	}
}

func november() ChartProps {
	var bars []Bar
	for i, v := range []int64{15, 20, 10, 0, 25, 15, 30, 20, 0, 0, 0, 60, 40, 35, 0, 25, 0, 0, 20, 30, 55} {
		bars = append(bars, Bar{Label: "Nov " + unit(float64(i+1)), Value: v, Text: "$0." + unit(float64(v)), Hit: i == 20})
	}
	return ChartProps{
		Label: "Cost a day in November, highest $0.60 on the 12th", BarsAre: "Day", ValuesAre: "Cost",
		Bars: bars, Axis: []string{"Nov 1", "Nov 11", "today"}, Top: "$0.60",
	}
}

func TestPartsLookAsWanted(t *testing.T) {
	t.Parallel()
	end := Column{Label: "Cost", End: true}
	parts := map[string]templ.Component{
		"field":          Field(FieldProps{Name: "email", Label: "E-mail", Type: "email", Autocomplete: "email", Value: `a"b<c>`, Hint: "We never show it."}),
		"field-error":    Field(FieldProps{Name: "email", Label: "E-mail", Type: "email", Value: "nope", Hint: "We never show it.", Error: "Write an address such as ada@example.com."}),
		"field-password": Field(FieldProps{Name: "password", Label: "Password", Type: "password", Autocomplete: "new-password"}),
		"field-affixes":  Field(FieldProps{Name: "cap", Label: "Cap", Prefix: "$", Suffix: "a month", InputMode: "decimal", Optional: true}),
		"field-lines":    Field(FieldProps{Name: "note", Label: "Note", Type: "textarea", Value: "</textarea><b>", Optional: true}),
		"select":         Select(SelectProps{Name: "role", Label: "Role", Value: "staff", Options: []Option{{"owner", "Owner"}, {"staff", "Staff"}}, Error: "Choose one."}),
		"check":          Check(CheckProps{Name: "terms", Label: "I accept the terms", Checked: true, Hint: "They are short."}),
		"choices": with(Choices("workspace_type", "Plan", "Choose a plan."),
			Choice(ChoiceProps{Name: "workspace_type", Value: "developer_basic", Title: "Developer Basic", Text: "For code", Aside: "$0.15", Per: "an hour", Specs: []string{"2 vCPU", "4 GB"}, Checked: true}),
			Choice(ChoiceProps{Name: "workspace_type", Value: "developer_pro", Title: "Developer Pro", Disabled: true})),
		"form-errors":      FormErrors("", []FieldError{{"email", "Write an address."}, {"", "Try again in a minute."}}),
		"form-errors-none": FormErrors("", nil),
		"copy":             CopyField("key", "Key", "ez_live_1", "Shown once."),
		"form-plain":       with(Form(FormProps{Action: "/sign-in"}), Button(ButtonProps{Label: "Sign in", Kind: Primary, Block: true})),
		"form-in-place":    ActionButton(FormProps{Action: "/workspaces/7/stop", Target: "#workspace-7"}, ButtonProps{ID: "stop-7", Label: "Stop", Describe: "Stop Developer Basic"}),
		"button-states":    templ.Join(Button(ButtonProps{Label: "Off", Disabled: true, Small: true}), LinkButton(ButtonProps{Label: "Open desktop", Href: "/workspaces/7/launch", Kind: Primary, NewTab: true}), LinkButton(ButtonProps{Label: "Bad", Href: "javascript:alert(1)"})),
		"confirm":          ConfirmButton("destroy-7", ButtonProps{Label: "Destroy", Kind: Danger}, "Destroy Developer Basic?", "Its files are lost.", FormProps{Action: "/workspaces/7/destroy"}, ButtonProps{Label: "Destroy", Kind: Danger, Solid: true}),
		"card":             with(Card(CardProps{Title: "This month", Class: "span-4", Link: NavItem{Label: "Usage", Href: "/usage"}, Text: "Since November 1"}), text("inside")),
		"card-live":        with(Card(CardProps{Title: "This month", Live: &Live{ID: "total", URL: "/usage/total", Events: []string{"cost"}, Poll: 30}}), text("inside")),
		"live-region":      with(LiveRegion(Live{ID: "workspace-7", URL: "/workspaces/7/card", Events: []string{"workspace-7"}}, "stack"), text("inside")),
		"live-connection":  LiveConnection("/events"),
		"badges":           templ.Join(StateBadge("running"), StateBadge("provisioning"), StateBadge("stopped"), StateBadge("failed"), StateBadge("paid"), StateBadge("something new"), Badge(ToneInfo, "Trial")),
		"notice":           NoticeBox(Notice{Tone: ToneWarn, Title: "Low credit", Text: "It lasts until 16:45.", Action: NavItem{Label: "Add credit", Href: "/usage"}}),
		"notice-error":     NoticeFragment(Notice{Tone: ToneBad, Text: "That did not work.", RequestID: "r-1"}),
		"notice-also":      NoticeAlso(Notice{Tone: ToneGood, Text: "Saved."}),
		"empty":            Empty(EmptyProps{"No desktops yet", "Order one; it is ready in half a minute.", NavItem{Label: "Order a desktop", Href: "/kasm/order"}}),
		"pager":            Pager("", "/sessions?page=2", "1 to 25 of 60"),
		"stat":             Stat(StatProps{Label: "Revenue", Value: "$1,204.00", Note: "than in October", Change: "12 % more", Trend: "up"}),
		"meter":            Meter(MeterProps{Label: "112 percent of your cap", Text: "Over", Percent: 112, Tone: ToneBad}),
		"table":            with(Table("Sessions", []Column{{Label: "Session"}, end, {}}), text("rows")),
		"cells":            templ.Join(TextCell(Column{Label: "Session"}, "Developer Basic", "today 11:45"), LinkCell(end, "$0.55", "/invoices/1", "")),
		"chart":            BarChart(ChartProps{Label: "Cost a day", BarsAre: "Day", ValuesAre: "Cost", Bars: []Bar{{"1", 10, "$0.10", false}, {"2", 0, "$0.00", false}, {"3", 40, "$0.40", true}}, Axis: []string{"1", "3"}, Top: "$0.40"}),
		"chart-empty":      BarChart(ChartProps{Label: "Nothing yet", BarsAre: "Day", ValuesAre: "Cost"}),
		"timer":            with(CostTimer(timer()), RunningCost(timer()), Ring(timer().Ring())),
		"ring-over":        Ring(RingProps{Label: "0 of 15", Percent: -3, Text: "0:00", Sub: "left, paid"}),
		"price":            PriceCard(PriceProps{Title: "Developer Basic", Text: "For code", Price: "$0.15", Per: "an hour", Mark: "Most used", Points: []string{"2 vCPU"}, Action: NavItem{Label: "Choose", Href: "/sign-up"}}),
		"defs":             DescriptionList([]Item{{"Net", "$1.00", false}, {"Total", "$1.19", true}}),
		"facts":            Facts([]Item{{Term: "Rate", Text: "$0.20 an hour"}}),
		"monogram":         Monogram("DB", true),
		"steps":            Steps([]Step{{"Ordered", "", "done"}, {"Making the desktop", "usually 20 seconds", "now"}, {"Ready", "", ""}, {"Lost", "", "failed"}}),
		"working":          Working("Making the desktop"),
		"error":            ErrorPage(Fault{404, "This page is not here", "It may have moved.", NavItem{Label: "To your desktops", Href: "/"}, "r-2"}),
		"page":             with(Page(shopShell()), text("inside")),
		"page-signed-out":  with(Page(Shell{Brand: northwind(), Description: "Desktops by the hour", Doors: []NavItem{{"Sign in", "/sign-in", false}, {"Sign up", "/sign-up", false}}, Scheme: "dark", Flush: true}), text("inside")),
		"page-operator":    with(Page(Shell{Title: "Resellers", Brand: branding.Default("EZSCALE"), Host: HostOperator, CustomCSSURL: "/brand-custom.css", SignOutHref: "/admin/sign-out", HomeHref: "/admin", Live: true, User: &ShellUser{"Op", "O", "op@example.com"}, Notice: &Notice{Tone: ToneGood, Text: "Saved."}}), text("inside")),
		"page-auth":        with(AuthPage(Shell{Title: "Sign in", Brand: northwind(), Narrow: true}), text("inside")),
	}
	for name, c := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, name, render(t, c))
		})
	}
}

func compareGolden(t *testing.T, name, html string) {
	t.Helper()
	// One tag a line, and no hashes: the files are to be read by people.
	html = regexp.MustCompile(`\.[0-9a-f]{12}\.|\?v=[0-9a-f]{12}`).ReplaceAllString(html, ".HASH.")
	html = strings.ReplaceAll(html, "><", ">\n<") + "\n"
	path := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(path, []byte(html), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), html); diff != "" {
		t.Errorf("%s is drawn differently (-want +got); run with -update if it should be:\n%s", name, diff)
	}
}

func TestElapsed(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		-time.Second: "0 min 00 s", 0: "0 min 00 s", 59 * time.Second: "0 min 59 s", time.Minute: "1 min 00 s",
		time.Hour: "1 h 00 min 00 s", 26*time.Hour + 3*time.Minute + 4*time.Second: "26 h 03 min 04 s",
	}
	for d, want := range tests {
		if got := Elapsed(d); got != want {
			t.Errorf("Elapsed(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestRingNeverLeavesItsCircle(t *testing.T) {
	t.Parallel()
	p := timer()
	p.Now = p.NextAt.Add(time.Hour)
	if got := p.Ring(); got.Text != "0:00" || got.dash() != "0 100" {
		t.Errorf("after the block the ring shows %q, %q", got.Text, got.dash())
	}
	if got := timer().Ring(); got.Text != "8:00" || got.dash() != "53.3 100" || got.Label != "8 of 15 paid minutes are left" {
		t.Errorf("the ring is %+v, %q", got, got.dash())
	}
}
