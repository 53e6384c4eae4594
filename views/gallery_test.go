package views

import (
	"io"
	"strings"

	"context"

	"github.com/a-h/templ"
)

// The gallery puts every part into pages such as customers see, for the browser
// tests: one page to be looked at, measured and checked against the policy.

func block(open string, children ...templ.Component) templ.Component {
	tag, _, _ := strings.Cut(strings.TrimPrefix(open, "<"), " ")
	tag = strings.TrimSuffix(tag, ">")
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, open); err != nil {
			return err
		}
		if err := templ.Join(children...).Render(ctx, w); err != nil {
			return err
		}
		_, err := io.WriteString(w, "</"+tag+">")
		return err
	})
}

func html(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	})
}

func galleryPages() map[string]templ.Component {
	return map[string]templ.Component{
		"/": dashboardPage(), "/order": orderPage(), "/usage": usagePage(), "/invoice": invoicePage(), "/sign-in": signInPage(),
		"/front": frontPage(), "/home": homePage(), "/admin": adminPage(), "/brand": brandPage(), "/missing": missingPage(), "/waiting": waitingPage(),
	}
}

func heroCard() templ.Component {
	t := timer()
	return with(Card(CardProps{Class: "hero", Live: &Live{ID: "workspace-7", URL: "/workspaces/7/card", Events: []string{"workspace-7"}}}),
		with(CostTimer(t), block(`<div class="hero-grid">`,
			block(`<div>`, StateBadge("running"), html(`<h2 class="hero-title">Developer Basic</h2><p class="hero-sub">Ubuntu with VS Code · 2 vCPU · 4 GB</p>`), RunningCost(t),
				Facts([]Item{{"Next $0.05 at", "14:30", false}, {"Rate", "$0.20 an hour", false}, {"Started", "11:45", false}})),
			Ring(t.Ring()),
			block(`<div class="hero-actions">`, LinkButton(ButtonProps{Label: "Open desktop", Href: "/workspaces/7/launch", Kind: Primary, NewTab: true}),
				ActionButton(FormProps{Action: "/workspaces/7/stop", Target: "#workspace-7"}, ButtonProps{ID: "stop-7", Label: "Stop", Describe: "Stop Developer Basic"}),
				LinkButton(ButtonProps{Label: "Schedule and limits", Href: "/workspaces/7", Kind: Quiet}), html(`<span class="spacer"></span>`),
				ConfirmButton("destroy-7", ButtonProps{Label: "Destroy", Kind: Danger}, "Destroy Developer Basic?", "The desktop and its files are gone for good. What it has cost stays on your invoice.", FormProps{Action: "/workspaces/7/destroy"}, ButtonProps{Label: "Destroy it", Kind: Danger, Solid: true})),
		)))
}

func row(letters, name, below string, on bool, end ...templ.Component) templ.Component {
	return block(`<li class="row">`, Monogram(letters, on), block(`<div class="row-main">`, html(`<a href="/workspaces/8">`+name+`</a><small class="num">`+below+`</small>`)), block(`<div class="row-end">`, end...))
}

func sessionsTable() templ.Component {
	cols := []Column{{Label: "Session"}, {Label: "Time", End: true}, {Label: "Cost", End: true}}
	tr := func(a, b, c, d string) templ.Component {
		return block(`<tr>`, TextCell(cols[0], a, b), TextCell(cols[1], c, ""), TextCell(cols[2], d, ""))
	}
	return with(Table("Latest sessions", cols), tr("Developer Basic", "today 11:45, running", "2 h 37 min", "$0.55"), tr("Business Pro", "yesterday 16:40 to 18:02", "1 h 22 min", "$0.60"), tr("Developer Basic", "Nov 20, 09:10 to 09:18", "8 min", "$0.05"))
}

func dashboardPage() templ.Component {
	s := shopShell()
	s.Live = true
	s.Notice = &Notice{Tone: ToneWarn, Title: "Your credit lasts until 16:45 tomorrow", Text: "Desktops stop when it is used up; nothing is lost.", Action: NavItem{Label: "Add credit", Href: "/usage"}}
	return with(Page(s),
		with(PageHead("Good afternoon, Ada", "One desktop is running. You can run it until 16:45 tomorrow.", NavItem{}), LinkButton(ButtonProps{Label: "New desktop", Href: "/order"})),
		heroCard(),
		block(`<div class="grid">`,
			with(Card(CardProps{Title: "This month", Class: "span-4", Link: NavItem{Label: "Usage", Href: "/usage"}}), Stat(StatProps{Label: "23.5 hours", Value: "$4.70"}), Meter(MeterProps{Label: "47 percent of your cap", Text: "47 % of your $10.00 cap · desktops stop at the cap", Percent: 47})),
			with(Card(CardProps{Title: "Cost a day", Class: "span-8"}), BarChart(november())),
			with(Card(CardProps{Title: "Your desktops", Class: "span-6"}), block(`<ul class="rows">`,
				row("BP", "Business Pro", "Stopped yesterday 18:02 · $0.40 an hour", false, ActionButton(FormProps{Action: "/workspaces/8/start"}, ButtonProps{Label: "Start", Describe: "Start Business Pro"})),
				row("DE", "Developer Enterprise", "Usually 20 seconds", true, StateBadge("provisioning")),
				row("DP", "Developer Pro", "The desktop host had no room; nothing was charged", false, StateBadge("failed")))),
			with(Card(CardProps{Title: "Latest sessions", Class: "span-6", Link: NavItem{Label: "All sessions", Href: "/sessions"}}), sessionsTable())))
}

func orderPage() templ.Component {
	choice := func(v, t, x, a string, on bool, specs ...string) templ.Component {
		return Choice(ChoiceProps{Name: "workspace_type", Value: v, Title: t, Text: x, Aside: a, Per: "an hour", Specs: specs, Checked: on})
	}
	return with(Page(shopShell()), with(PageHead("Order a desktop", "Ready in about 20 seconds. You pay for quarter hours that it runs.", NavItem{Label: "Desktops", Href: "/"})),
		with(Form(FormProps{Action: "/kasm/order", Class: "order"}),
			block(`<div class="order-main">`, FormErrors("", []FieldError{{"template", "Choose what is installed."}, {"name", "Give it a name of at most 40 letters."}}),
				with(Card(CardProps{}), with(Choices("workspace_type", "Plan", ""),
					choice("developer_basic", "Developer Basic", "Code and terminals", "$0.15", true, "2 vCPU", "4 GB"), choice("developer_pro", "Developer Pro", "Several projects at once", "$0.30", false, "4 vCPU", "8 GB"),
					choice("developer_enterprise", "Developer Enterprise", "Large builds", "$0.60", false, "8 vCPU", "16 GB"), choice("business_basic", "Business Basic", "Mail and browser", "$0.20", false, "2 vCPU", "4 GB"))),
				with(Card(CardProps{}), with(block(`<div class="form">`, with(Choices("template", "What is installed", "Choose what is installed."), Choice(ChoiceProps{Name: "template", Value: "vscode", Title: "Ubuntu with VS Code", Text: "Git, Docker, Node, Python"}), Choice(ChoiceProps{Name: "template", Value: "office", Title: "Full office suite", Text: "LibreOffice, browser, mail", Disabled: true})),
					block(`<div class="field-row">`, Field(FieldProps{Name: "name", Label: "Name", Value: "A name that is far too long to be a name", Error: "Give it a name of at most 40 letters."}), Field(FieldProps{Name: "cap", Label: "Stop at", Prefix: "$", Suffix: "a month", Optional: true, InputMode: "decimal", Hint: "It stops before it costs more."}), Select(SelectProps{Name: "zone", Label: "Region", Options: []Option{{"eu", "Frankfurt"}, {"us", "Virginia"}}})),
					Check(CheckProps{Name: "auto", Label: "Stop it when nobody has used it for an hour", Hint: "You can change this at any time.", Checked: true}))))),
			with(Card(CardProps{Title: "Your order", Class: "order-summary"}), html(`<p class="price num">$0.15 <small>an hour</small></p>`),
				DescriptionList([]Item{{"Plan", "Developer Basic", false}, {"vCPU", "2", false}, {"Memory", "4 GB", false}, {"Charged", "every 15 minutes", false}, {"When stopped", "nothing", false}}),
				block(`<div class="card-foot">`, Button(ButtonProps{Label: "Order and start", Kind: Primary, Block: true})))))
}

func usagePage() templ.Component {
	return with(Page(shopShell()), with(PageHead("Usage", "November 2026, in UTC", NavItem{}), LinkButton(ButtonProps{Label: "Download as CSV", Href: "/usage.csv", Small: true})),
		with(Card(CardProps{}), block(`<div class="stats">`, Stat(StatProps{Label: "Cost", Value: "$4.70", Note: "than in October", Change: "12 % less", Trend: "up"}), Stat(StatProps{Label: "Time", Value: "23.5 h", Note: "94 quarter hours"}), Stat(StatProps{Label: "Sessions", Value: "18"}), Stat(StatProps{Label: "Until the cap", Value: "$5.30"}))),
		with(Card(CardProps{Title: "Cost a day"}), BarChart(november())), with(Card(CardProps{Title: "Sessions"}), sessionsTable(), Pager("/a", "/b", "1 to 25 of 60")),
		with(Card(CardProps{}), Empty(EmptyProps{"No keys yet", "A key lets your own programs start and stop desktops.", NavItem{Label: "Make a key", Href: "/settings/keys"}})),
		with(Card(CardProps{Title: "New key"}), block(`<div class="form">`, CopyField("key", "Key", "ez_live_4c1d9f20b7a84e63", "Copy it now; it is shown once."), block(`<p class="actions">`, StateBadge("running"), StateBadge("stopped"), StateBadge("failed"), StateBadge("trial"), StateBadge("due"), StateBadge("paid"), StateBadge("suspended"), Badge(ToneInfo, "New")))))
}

func invoicePage() templ.Component {
	cols := []Column{{Label: "What"}, {Label: "Hours", End: true}, {Label: "An hour", End: true}, {Label: "Amount", End: true}}
	tr := func(v ...string) templ.Component {
		return block(`<tr>`, TextCell(cols[0], v[0], v[1]), TextCell(cols[1], v[2], ""), TextCell(cols[2], v[3], ""), TextCell(cols[3], v[4], ""))
	}
	return with(Page(shopShell()), with(PageHead("Invoice NW-2026-0042", "", NavItem{Label: "Invoices", Href: "/invoices"}), LinkButton(ButtonProps{Label: "Download PDF", Href: "/invoices/1.pdf"}), LinkButton(ButtonProps{Label: "Pay $7.14", Href: "/pay", Kind: Primary})),
		block(`<article class="doc">`, block(`<header class="doc-head">`, block(`<div>`, BrandLink(shopShell()), html(`<p class="muted small">12 Harbour Road, Dublin<br>VAT IE1234567X</p>`)), block(`<div class="doc-title">`, html(`<p class="doc-word">Invoice</p><p class="num">NW-2026-0042</p>`), StateBadge("due"))),
			html(`<div class="doc-parties num"><div><h2>For</h2><p>Ada Lovelace<br>ada@example.com</p></div><div><h2>Date</h2><p>December 1, 2026</p></div><div><h2>Due</h2><p>December 15, 2026</p></div><div><h2>Period</h2><p>November 1 to 30, 2026</p></div></div>`),
			with(Table("Lines", cols), tr("Developer Basic", "47 blocks of 15 minutes", "11.75", "$0.20", "$2.35"), tr("Business Pro", "36 blocks of 15 minutes", "9.00", "$0.40", "$3.65")),
			block(`<div class="doc-sums">`, DescriptionList([]Item{{"Net", "$6.00", false}, {"VAT 19 %", "$1.14", false}, {"To pay", "$7.14", true}})),
			html(`<section class="doc-note"><h2>How this was counted</h2><p>Every quarter hour that began while a desktop ran is charged in full.</p></section>`),
			html(`<details class="proof"><summary>The 9 sessions behind Developer Basic</summary>`), sessionsTable(), html(`</details>`)))
}

func signInPage() templ.Component {
	return with(AuthPage(Shell{Title: "Sign in", Brand: northwind(), BrandCSSURL: "/brand.css"}),
		block(`<section class="door-card">`, html(`<h1>Sign in</h1><p>Welcome back to Northwind Desktops.</p>`), with(Form(FormProps{Action: "/sign-in", Class: "form"}),
			Field(FieldProps{Name: "email", Label: "E-mail", Type: "email", Autocomplete: "email", Value: "ada@example.com"}),
			Field(FieldProps{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Error: "That password is not right for this address."}),
			Button(ButtonProps{Label: "Sign in", Kind: Primary, Block: true}))), html(`<p class="door-below"><a href="/forgot">Forgot your password?</a> · New here? <a href="/sign-up">Make an account</a></p>`))
}

func frontPage() templ.Component {
	s := shopShell()
	s.Nav, s.User, s.Credit, s.Flush = nil, nil, "", true
	s.Description = "Cloud desktops by the hour"
	s.Doors = []NavItem{{"Sign in", "/sign-in", false}, {"Sign up", "/sign-up", false}}
	show := timer()
	price := func(t, x, p, mark string, points ...string) templ.Component {
		return PriceCard(PriceProps{Title: t, Text: x, Price: p, Per: "an hour", Mark: mark, Points: points, Action: NavItem{Label: "Choose this", Href: "/sign-up"}})
	}
	return with(Page(s),
		block(`<section class="front-hero">`, block(`<div class="front-inner">`, block(`<div class="front-text">`, html(`<h1>A full desktop, for exactly as long as you need it.</h1><p class="lead">Start a fast Linux desktop in your browser in 20 seconds. Watch what it costs. Stop it, and the cost stops too.</p>`),
			block(`<div class="actions">`, LinkButton(ButtonProps{Label: "Start your first desktop", Href: "/sign-up", Kind: Primary, Large: true}), LinkButton(ButtonProps{Label: "See prices", Href: "#prices", Large: true, Kind: Quiet})), html(`<p class="aside-note">From $0.15 an hour. No monthly fee.</p>`)),
			block(`<div class="card showcase" aria-hidden="true">`, StateBadge("running"), html(`<p class="hero-title">Developer Basic</p><p class="hero-sub">Ubuntu with VS Code</p>`), RunningCost(show), Meter(MeterProps{Label: "47 percent of the cap", Text: "$4.70 of your $10.00 cap this month", Percent: 47})))),
		block(`<section class="band" id="prices">`, block(`<div class="band-inner">`, html(`<div class="band-head"><h2>Simple prices</h2><p>You pay for quarter hours that a desktop runs. Stopped desktops cost nothing.</p></div>`),
			block(`<div class="prices">`, price("Developer Basic", "Code and terminals", "$0.15", "", "2 vCPU", "4 GB of memory", "Ubuntu with VS Code"), price("Developer Pro", "Several projects at once", "$0.30", "Most used", "4 vCPU", "8 GB of memory", "Several editors, Docker"), price("Business Pro", "The whole office", "$0.40", "", "4 vCPU", "8 GB of memory", "Browser, office suite, mail")))),
		block(`<section class="band band-well">`, block(`<div class="band-inner">`, html(`<div class="band-head"><h2>How it works</h2></div><ol class="numbered"><li><h3>Choose</h3><p>A plan and what is installed.</p></li><li><h3>Start</h3><p>It opens in your browser, on any computer.</p></li><li><h3>Stop</h3><p>Your files stay; the clock does not.</p></li></ol>`))),
		block(`<section class="band">`, block(`<div class="band-inner">`, html(`<div class="band-head"><h2>Questions</h2></div><div class="questions"><details open><summary>What does a stopped desktop cost?</summary><p>Nothing. Its files are kept for 30 days.</p></details><details><summary>Can I set a limit?</summary><p>Yes, per desktop and per month.</p></details></div>`))),
		block(`<section class="closing">`, html(`<h2>Ready when you are</h2>`), LinkButton(ButtonProps{Label: "Make an account", Href: "/sign-up", Kind: Primary, Large: true})))
}

func homePage() templ.Component {
	return with(Page(Shell{Brand: northwind(), BrandCSSURL: "/brand.css", Description: "x", Flush: true, Doors: []NavItem{{"Sign in", "/reseller/sign-in", false}}}),
		block(`<section class="front-hero">`, block(`<div class="front-inner">`, block(`<div class="front-text">`, html(`<h1>Sell cloud desktops under your own name.</h1><p class="lead">Your domain, your prices, your invoices. We run the desktops and bill you wholesale, to the quarter hour.</p>`), block(`<div class="actions">`, LinkButton(ButtonProps{Label: "Open the console", Href: "/reseller", Kind: Primary, Large: true}))))),
		block(`<section class="band">`, block(`<div class="band-inner">`, html(`<div class="features"><article class="feature"><h3>Your brand</h3><p>Logo, colours and domain, with certificates that take care of themselves.</p></article><article class="feature"><h3>Your prices</h3><p>Set them per plan; see your margin beside each.</p></article><article class="feature"><h3>Exact bills</h3><p>Every invoice can be checked to the second.</p></article></div>`))))
}

func adminPage() templ.Component {
	cols := []Column{{Label: "Reseller"}, {Label: "State"}, {Label: "Customers", End: true}, {Label: "This month", End: true}, {}}
	tr := func(name, host, state, n, m string) templ.Component {
		return block(`<tr>`, LinkCell(cols[0], name, "/admin/resellers/1", host), with(Cell(cols[1]), StateBadge(state)), TextCell(cols[2], n, ""), TextCell(cols[3], m, ""), with(Cell(cols[4]), block(`<div class="actions">`, LinkButton(ButtonProps{Label: "Open", Href: "/x", Small: true, Describe: "Open " + name}))))
	}
	s := shopShell()
	s.Host, s.Credit = HostOperator, ""
	s.Nav = []NavItem{{"Overview", "/admin", false}, {"Resellers", "/admin/resellers", true}, {"Catalogue", "/c", false}, {"Servers", "/s", false}, {"Billing", "/b", false}, {"Attention", "/t", false}, {"Audit", "/u", false}, {"Health", "/h", false}}
	return with(Page(s), with(PageHead("Resellers", "4 shops, 212 customers", NavItem{}), LinkButton(ButtonProps{Label: "New reseller", Href: "/n", Kind: Primary})),
		html(`<nav class="tabs" aria-label="State"><a href="/a" aria-current="page">All</a><a href="/b">Trial</a><a href="/c">Past due</a><a href="/d">Suspended</a></nav>`),
		with(Card(CardProps{}), block(`<form class="toolbar" method="get">`, Field(FieldProps{Name: "q", Label: "Search", Type: "search", Optional: false}), Select(SelectProps{Name: "tier", Label: "Tier", Options: []Option{{"", "All"}, {"pro", "Pro"}}}), Button(ButtonProps{Label: "Show"}))),
		with(Card(CardProps{}), with(Table("Resellers", cols), tr("Northwind Desktops", "northwind.example", "active", "120", "$1,204.00"), tr("Contoso Cloud", "contoso.example", "trial", "12", "$40.25"), tr("Fabrikam", "fabrikam.example", "suspended", "80", "$0.00"))),
		with(Card(CardProps{Title: "Needs attention"}), block(`<ul class="attention">`, html(`<li class="row tone-bad"><div class="row-main"><b>2 desktops failed to start</b><small>Contoso Cloud, since 14:02</small></div></li>`))))
}

func brandPage() templ.Component {
	s := shopShell()
	s.Host = HostReseller
	return with(Page(s), with(PageHead("Branding", "What your customers see.", NavItem{})), block(`<div class="split">`,
		with(Card(CardProps{Title: "Colours"}), with(Form(FormProps{Action: "/reseller/branding", Class: "form"}), block(`<div class="field-row">`, Field(FieldProps{Name: "primary_color", Label: "Primary", Type: "color", Value: "#0f766e"}), Field(FieldProps{Name: "secondary_color", Label: "Secondary", Type: "color", Value: "#f59e0b"})), Field(FieldProps{Name: "custom_css", Label: "Your own CSS", Type: "textarea", Optional: true}), html(`<div class="swatches"><span class="swatch swatch-primary">Button</span><span class="swatch swatch-second">Accent</span><span class="swatch swatch-soft">Soft</span></div>`), Button(ButtonProps{Label: "Save", Kind: Primary}))),
		block(`<aside class="preview" aria-label="Preview">`, block(`<div class="site-head">`, BrandLink(s)), block(`<div>`, html(`<p class="cost"><strong>$0.55</strong></p>`), LinkButton(ButtonProps{Label: "Open desktop", Href: "#", Kind: Primary})))),
		with(Card(CardProps{Title: "Custom domain"}), Steps([]Step{{"Point desktops.example.com at us", "CNAME northwind.edge.example", "done"}, {"Certificate", "usually a minute", "now"}, {"Live", "", ""}})))
}

func missingPage() templ.Component {
	return with(AuthPage(Shell{Title: "Not found", Narrow: true}), ErrorPage(Fault{404, "Nothing is served here", "Check the address. If it should be yours, ask whoever gave it to you.", NavItem{}, "01JD-77F2"}))
}

func waitingPage() templ.Component {
	return with(Page(shopShell()), with(PageHead("Developer Basic", "", NavItem{Label: "Desktops", Href: "/"})), with(Card(CardProps{Class: "hero hero-off"}), block(`<div class="provision">`, StateBadge("provisioning"), html(`<h2>Workspace is being provisioned…</h2>`), Working("Making the desktop"), Steps([]Step{{"Ordered", "", "done"}, {"Making the desktop", "usually 20 seconds", "now"}, {"Ready to open", "", ""}}))))
}
