package main

import "github.com/spf13/cobra"

// addCommands hangs all commands below root, in the order of the manual.
func (p *program) addCommands(root *cobra.Command) {
	for _, c := range []*cobra.Command{p.serveCommand(), p.demoCommand()} {
		c.GroupID = groupRun
		root.AddCommand(c)
	}
	root.AddCommand(
		p.tenantCommand(), p.domainCommand(), p.tokenCommand(), p.keyCommand(), p.agentCommand(), p.routeCommand(),
	)
	for _, c := range []*cobra.Command{
		p.backupCommand(), p.restoreCommand(), p.checkCommand(), p.doctorCommand(), p.topCommand(), p.caCommand(), p.echCommand(), p.versionCommand(),
	} {
		c.GroupID = groupCare
		root.AddCommand(c)
	}
}

// actions are all actions, as the admin socket serves them.
func actions() []served {
	return []served{
		tenantCreate, tenantList, tenantShow, tenantSet, tenantDelete, stepImport,
		domainAdd, domainVerify, domainShow, domainList, domainMount, domainRemove, certificateShow, certificateSet, certificateRemove,
		tokenCreate, tokenList, tokenRevoke,
		keyShow, keyRotate, keySet,
		agentInvite, agentList, agentReset, agentRemove, mailShow,
		routeAdd, routeSet, routeList, routeRemove,
		check, caShow, caRotate, echShow, echJudge, probeMake, stateShow, watchTraffic,
	}
}
