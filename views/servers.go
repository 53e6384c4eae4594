package views

// Servers is the list of desktop hosts and the form for a new one.
type Servers struct {
	Rows []ServerLine
	Form ServerForm
}

// ServerLine is one desktop host in the list.
type ServerLine struct {
	Name, Href string
	Kind, Zone string // "Kasm · fra", both words as people read them
	URL        string
	State      string
	Simulator  bool
	Desktops   string // "3 of 20", "not known"
	Room       string // one sentence
	LastOK     string
	Error      string // of the last answer, with its time
	Test       string // "Passed", "2 problems", "Not tested yet"
	TestTone   Tone
}

func (l ServerLine) place() string {
	if l.Zone == "" {
		return l.Kind
	}
	return l.Kind + " · " + l.Zone
}

// ServerForm adds a desktop host, or changes one.
type ServerForm struct {
	Action                   string
	ID                       string // of the host that is changed, "" for a new one
	Name, Driver, URL        string
	Key, Auth                string
	Insecure                 bool
	Zone, Capacity, ImageTag string
	Wrong                    Wrong
}

func (f ServerForm) fresh() bool { return f.ID == "" }

func (f ServerForm) lines() []FieldError {
	return f.Wrong.lines("name", "driver", "url", "api_key", "api_key_secret", "auth", "zone", "capacity", "image_tag")
}

// kasm and docker say which fields the form shows; a new host may become either.
func (f ServerForm) kasm() bool   { return f.fresh() || f.Driver == "kasm" }
func (f ServerForm) docker() bool { return f.fresh() || f.Driver == "docker" }

func (f ServerForm) urlHint() string {
	switch {
	case f.fresh():
		return "A Kasm server’s is https://kasm.example.com. For Docker on this machine leave it empty."
	case f.docker():
		return "The engine has to be on this machine: unix:///var/run/docker.sock or tcp://127.0.0.1:2375."
	}
	return "Such as https://kasm.example.com, without a path."
}

func (f ServerForm) secretHint() string {
	if f.fresh() {
		return "Kasm shows it once, with the key. It is kept sealed and never shown again."
	}
	return "Leave it empty to keep the one that is there."
}

func (f ServerForm) submit() string {
	if f.fresh() {
		return "Add host"
	}
	return "Save"
}

// Server is one desktop host with everything about it.
type Server struct {
	Line     ServerLine
	Form     ServerForm
	Checks   []CheckLine
	Checked  string // "" when it was never tested
	Base     string // path under which its actions are
	Images   bool   // the host's images have sizes, which can be compared and made
	Pairs    []PairLine
	Missing  int
	Makeable int
	PairNote string // what the table is made from
	Strays   []StrayLine
}

// CheckLine is one thing that a test looked at.
type CheckLine struct {
	Name, Text string
	Tone       Tone
}

func (c CheckLine) word() string {
	switch c.Tone {
	case ToneGood:
		return "OK"
	case ToneWarn:
		return "Look at this"
	}
	return "Missing"
}

// PairLine is a template in a size that is sold.
type PairLine struct {
	Template, Source string
	Size             string
	Plans            string
	There            bool
	Makeable         bool
	VCPU, RAMMB      string // as the form sends them
}

// StrayLine is a desktop that nobody claimed and that was destroyed.
type StrayLine struct{ At, Desktop, User, State string }

func (p Server) draining() bool { return p.Line.State == "draining" }
func (p Server) active() bool   { return p.Line.State == "active" }
func (p Server) retired() bool  { return p.Line.State == "retired" }

func (p Server) pairsText() string {
	if p.Missing == 0 {
		return "Every template has an image in every size that is sold."
	}
	return CountOf(p.Missing, "size") + " of templates that are sold have no image here, so their desktops cannot start on this host."
}

// checks gives what a test found to be as it should, or all else.
func (p Server) checks(good bool) (some []CheckLine) {
	for _, c := range p.Checks {
		if (c.Tone == ToneGood) == good {
			some = append(some, c)
		}
	}
	return some
}

// pairs gives the sizes that there is an image for, or those without.
func (p Server) pairs(there bool) (some []PairLine) {
	for _, pair := range p.Pairs {
		if pair.There == there {
			some = append(some, pair)
		}
	}
	return some
}
