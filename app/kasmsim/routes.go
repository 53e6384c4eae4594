package kasmsim

// route is one call of the API: what does it, which permissions a key needs for it,
// and whether a key that may only read may make it.
type route struct {
	do    func(*Sim, instant, input) reply
	needs []string
	reads bool
}

// routes is the whole API; all of it is POST.
func routes() map[string]route {
	session := []string{permUser, permAuthSession}
	all := map[string]route{
		"/api/public/get_images":                {(*Sim).getImages, []string{permImagesView}, true},
		"/api/public/request_kasm":              {(*Sim).requestKasm, session, false},
		"/api/public/get_kasm_status":           {(*Sim).getKasmStatus, session, true},
		"/api/public/get_kasms":                 {(*Sim).getKasms, []string{permSessionsView}, true},
		"/api/public/join_kasm":                 {(*Sim).joinKasm, session, false},
		"/api/public/destroy_kasm":              {(*Sim).destroyKasm, session, false},
		"/api/public/keepalive":                 {(*Sim).keepalive, session, false},
		"/api/public/exec_command_kasm":         {(*Sim).execCommand, append([]string{permSessionsModify}, session...), false},
		"/api/public/get_kasm_screenshot":       {(*Sim).screenshot, session, true},
		"/api/public/get_kasm_frame_stats":      {(*Sim).frameStats, session, true},
		"/api/public/get_kasm_bottleneck_stats": {(*Sim).bottleneckStats, session, true},
		"/api/stop_kasm":                        {(*Sim).stopKasm, session, false},
		"/api/pause_kasm":                       {(*Sim).pauseKasm, session, false},
		"/api/resume_kasm":                      {(*Sim).resumeKasm, session, false},
		"/api/public/get_zones":                 {(*Sim).getZones, []string{permZonesView}, true},
		"/api/public/get_licenses":              {(*Sim).getLicenses, []string{permLicensesView}, true},
		"/api/admin/get_agents":                 {(*Sim).getAgents, []string{permAgentsView}, true},
		"/api/admin/get_agent_report":           {(*Sim).getAgentReport, []string{permReportsView}, true},
		"/api/admin/get_report":                 {(*Sim).getReport, []string{permReportsView}, true},
		"/api/admin/get_session_history":        {(*Sim).getSessionHistory, []string{permReportsView}, true},
	}
	peopleRoutes(all)
	// True clients were seen to make these calls at both places.
	for name, r := range sharedRoutes() {
		all["/api/public/"+name], all["/api/admin/"+name] = r, r
	}
	return all
}

func peopleRoutes(all map[string]route) {
	all["/api/public/create_user"] = route{(*Sim).createUser, []string{permUsersCreate}, false}
	all["/api/public/get_user"] = route{(*Sim).getUser, []string{permUsersView}, true}
	all["/api/public/get_users"] = route{(*Sim).getUsers, []string{permUsersView}, true}
	all["/api/public/update_user"] = route{(*Sim).updateUser, []string{permUsersModify}, false}
	all["/api/public/delete_user"] = route{(*Sim).deleteUser, []string{permUsersDelete, permUsersModify}, false}
	all["/api/public/logout_user"] = route{(*Sim).logoutUser, []string{permAuthSession}, false}
	all["/api/public/get_attributes"] = route{(*Sim).getAttributes, []string{permUsersView}, true}
	all["/api/public/update_user_attributes"] = route{(*Sim).updateAttributes, []string{permUsersModify}, false}
	all["/api/public/add_user_group"] = route{(*Sim).addUserGroup, []string{permGroupsModify}, false}
	all["/api/public/remove_user_group"] = route{(*Sim).removeUserGroup, []string{permGroupsModify}, false}
}

func sharedRoutes() map[string]route {
	return map[string]route{
		"get_groups":          {(*Sim).getGroups, []string{permGroupsView}, true},
		"create_group":        {(*Sim).createGroup, []string{permGroupsCreate}, false},
		"update_group":        {(*Sim).updateGroup, []string{permGroupsModify}, false},
		"delete_group":        {(*Sim).deleteGroup, []string{permGroupsDelete}, false},
		"get_users_group":     {(*Sim).getUsersGroup, []string{permGroupsView, permUsersView}, true},
		"get_images_group":    {(*Sim).getImagesGroup, []string{permGroupsView, permImagesView}, true},
		"add_images_group":    {(*Sim).addImagesGroup, []string{permGroupsModify}, false},
		"remove_images_group": {(*Sim).removeImagesGroup, []string{permGroupsModify}, false},
		"add_settings_group":  {(*Sim).addSettingsGroup, []string{permGroupsModify}, false},
		"create_image":        {(*Sim).createImage, []string{permImagesCreate}, false},
		"update_image":        {(*Sim).updateImage, []string{permImagesModify}, false},
		"delete_image":        {(*Sim).deleteImage, []string{permImagesDelete}, false},
	}
}
