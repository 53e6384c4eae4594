package kasmsim

import "time"

const dateLayout = "2006-01-02 15:04:05.000000"

// date writes a time as Kasm does: naive UTC. A missing one is the word None.
func date(t time.Time) string {
	if t.IsZero() {
		return "None"
	}
	return t.UTC().Format(dateLayout)
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// memory holds an amount under the name that the server's version uses.
type memory struct {
	Old *int64 `json:"memory,omitempty"`
	New *int64 `json:"memory_bytes,omitempty"`
}

func (s *Sim) memory(bytes int64) memory {
	if s.settings.MemoryField == MemoryNew {
		return memory{New: &bytes}
	}
	return memory{Old: &bytes}
}

type wireImage struct {
	ID           string `json:"image_id"`
	Name         string `json:"name"`
	FriendlyName string `json:"friendly_name"`
	Description  string `json:"description"`
	Type         string `json:"image_type"`
	Src          string `json:"image_src"`
	Enabled      bool   `json:"enabled"`
	Available    bool   `json:"available"`
	Hidden       bool   `json:"hidden"`
	memory
	Cores         float64        `json:"cores"`
	GPUs          int            `json:"gpu_count"`
	RequireGPU    bool           `json:"require_gpu"`
	CPUAllocation string         `json:"cpu_allocation_method"`
	ProfilePath   *string        `json:"persistent_profile_path"`
	TimeLimit     *int           `json:"session_time_limit"`
	ZoneID        *string        `json:"zone_id"`
	Categories    []string       `json:"categories"`
	RunConfig     map[string]any `json:"run_config"`
	ExecConfig    map[string]any `json:"exec_config"`
	Volumes       map[string]any `json:"volume_mappings"`
}

func (s *Sim) wireImage(img Image) wireImage {
	return wireImage{
		ID: img.ID, Name: img.Name, FriendlyName: img.FriendlyName, Description: img.Description,
		Type: "Container", Src: "img/thumbnails/desktop.png", Enabled: !img.Disabled, Available: true,
		memory: s.memory(img.MemoryBytes), Cores: img.Cores, CPUAllocation: "Inherit", ProfilePath: orNull(img.ProfilePath),
		Categories: []string{"Desktop"}, RunConfig: map[string]any{}, ExecConfig: map[string]any{}, Volumes: map[string]any{},
	}
}

type wireUser struct {
	ID           string      `json:"user_id"`
	Username     string      `json:"username"`
	FirstName    string      `json:"first_name"`
	LastName     string      `json:"last_name"`
	Phone        *string     `json:"phone"`
	Organization *string     `json:"organization"`
	Realm        string      `json:"realm"`
	LastSession  string      `json:"last_session"`
	Notes        *string     `json:"notes"`
	Groups       []wireGroup `json:"groups"`
	Disabled     bool        `json:"disabled"`
	Locked       bool        `json:"locked"`
	Kasms        []wireOwned `json:"kasms"`
	Created      string      `json:"created"`
	TwoFactor    bool        `json:"two_factor"`
	ProgramID    *string     `json:"program_id"`
}

type wireGroup struct {
	Name string `json:"name"`
	ID   string `json:"group_id"`
}

type wireOwned struct {
	ID         string     `json:"kasm_id"`
	Start      string     `json:"start_date"`
	Keepalive  string     `json:"keepalive_date"`
	Expiration string     `json:"expiration_date"`
	Server     wireServer `json:"server"`
}

type wireServer struct {
	ID       string `json:"server_id"`
	Hostname string `json:"hostname"`
	Port     int    `json:"port"`
	Zone     string `json:"zone_name"`
	Provider string `json:"provider"`
}

func agent() wireServer {
	return wireServer{ID: "5e1f0a6cf3b24c0f9d1f6a7b8c9d0e1f", Hostname: "agent.simulator.test", Port: 443, Zone: "default", Provider: "simulator"}
}

func (s *Sim) wireUser(u *user) wireUser {
	return s.wireUserWith(u, s.owned(u.ID))
}

func (s *Sim) wireUserWith(u *user, owned []*desktop) wireUser {
	w := wireUser{
		ID: u.ID, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName,
		Phone: orNull(u.Phone), Organization: orNull(u.Organization), Realm: "local", LastSession: "None",
		Disabled: u.Disabled, Locked: u.Locked,
		Kasms: []wireOwned{}, Created: date(u.Created),
	}
	for _, g := range s.groupsOf(u) {
		w.Groups = append(w.Groups, wireGroup{Name: g.Name, ID: g.ID})
	}
	for _, d := range owned {
		w.Kasms = append(w.Kasms, wireOwned{
			ID: dashed(d.ID), Start: date(d.StartedAt), Keepalive: date(d.KeptAlive), Expiration: date(d.Expires), Server: agent(),
		})
		w.LastSession = date(d.CreatedAt)
	}
	return w
}

type wireRequested struct {
	KasmID       string  `json:"kasm_id"`
	Status       string  `json:"status"`
	UserID       string  `json:"user_id"`
	Username     string  `json:"username"`
	SessionToken string  `json:"session_token"`
	ShareID      *string `json:"share_id"`
	KasmURL      string  `json:"kasm_url"`
}

type wireNotReady struct {
	ErrorMessage string `json:"error_message"`
	Message      string `json:"operational_message"`
	Progress     int    `json:"operational_progress"`
	Status       string `json:"operational_status"`
}

type wireStatus struct {
	CurrentTime string   `json:"current_time"`
	KasmURL     string   `json:"kasm_url"`
	Status      string   `json:"operational_status"`
	Kasm        wireKasm `json:"kasm"`
}

type wireList struct {
	CurrentTime string     `json:"current_time"`
	Kasms       []wireKasm `json:"kasms"`
}

type wireKasm struct {
	ID         string  `json:"kasm_id"`
	UserID     string  `json:"user_id"`
	Username   string  `json:"username"`
	ImageID    string  `json:"image_id"`
	Status     string  `json:"operational_status"`
	Message    *string `json:"operational_message"`
	Progress   int     `json:"operational_progress"`
	Container  string  `json:"container_id"`
	Host       string  `json:"host"`
	Hostname   string  `json:"hostname"`
	Port       int     `json:"port"`
	ServerID   string  `json:"server_id"`
	Zone       string  `json:"zone_name"`
	Cores      float64 `json:"cores"`
	GPUs       int     `json:"gpus"`
	ShareID    *string `json:"share_id"`
	Start      string  `json:"start_date"`
	Created    string  `json:"created_date"`
	Keepalive  string  `json:"keepalive_date"`
	Expiration string  `json:"expiration_date"`
	memory
	Persistent     bool           `json:"is_persistent_profile"`
	ProfileMode    *string        `json:"persistent_profile_mode"`
	Standby        bool           `json:"is_standby"`
	ConnectionInfo connectionInfo `json:"connection_info"`
	Image          wireKasmImage  `json:"image"`
	ClientSettings clientSettings `json:"client_settings"`
	User           *wireOwner     `json:"user,omitempty"`
	Server         *wireServer    `json:"server,omitempty"`
}

type wireOwner struct {
	Username string `json:"username"`
}

type wireKasmImage struct {
	ID           string `json:"image_id"`
	Name         string `json:"name"`
	FriendlyName string `json:"friendly_name"`
	Src          string `json:"image_src"`
}

// connectionInfo is {} unless a viewer is attached.
type connectionInfo struct {
	Viewers int `json:"viewers,omitempty"`
}

// viewerGrace is how long after its last sign a viewer counts as attached.
const viewerGrace = 15 * time.Second

func (s *Sim) wireKasm(d *desktop, now instant) wireKasm {
	img := s.image(d.ImageID)
	server := agent()
	w := wireKasm{
		ID: d.ID, UserID: d.UserID, Username: d.Username, ImageID: d.ImageID,
		Status: string(d.State), Message: orNull(d.message()), Progress: d.progress(), Container: d.ID + d.ID,
		Host: server.Hostname, Hostname: server.Hostname, Port: server.Port, ServerID: server.ID, Zone: server.Zone,
		Cores: img.Cores, memory: s.memory(img.MemoryBytes), ShareID: orNull(d.ShareID),
		Start: date(d.StartedAt), Created: date(d.CreatedAt), Keepalive: date(d.KeptAlive), Expiration: date(d.Expires),
		Image:      wireKasmImage{ID: img.ID, Name: img.Name, FriendlyName: img.FriendlyName, Src: "img/thumbnails/desktop.png"},
		Persistent: d.Profile == "Enabled" || d.Profile == "Reset", ProfileMode: orNull(d.Profile), ClientSettings: s.clientSettings(d.UserID),
	}
	if d.watched(now) {
		w.ConnectionInfo.Viewers = max(d.Viewers, 1)
	}
	return w
}

// watched tells whether somebody looks at the desktop now.
func (d *desktop) watched(now instant) bool {
	return d.State == running && (d.Viewers > 0 || !d.seen.IsZero() && now.wall.Sub(d.seen) < viewerGrace)
}

// listed is a desktop in the list of all, with its owner and its agent.
func (s *Sim) listed(d *desktop, now instant) wireKasm {
	w := s.wireKasm(d, now)
	server := agent()
	w.User, w.Server = &wireOwner{Username: d.Username}, &server
	return w
}

// image is what the desktop was made from, if the simulator still offers it.
func (s *Sim) image(id string) Image {
	for _, img := range s.images {
		if img.ID == id {
			return img
		}
	}
	return Image{ID: id}
}

func (d *desktop) message() string {
	switch d.State {
	case requested:
		return "Provisioning"
	case starting:
		return "Starting"
	case errored:
		return "An Unexpected Error occurred creating the Kasm."
	}
	return ""
}

func (d *desktop) progress() int {
	switch d.State {
	case requested:
		return 20
	case starting:
		return 60
	}
	return 100
}

// link is relative, as Kasm's is.
func (d *desktop) link() string {
	return "/#/connect/kasm/" + dashed(d.ID) + "/" + d.UserID + "/" + d.Token
}
