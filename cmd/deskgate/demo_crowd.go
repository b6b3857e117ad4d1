package main

import (
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// acmeCrowd makes acme's inbox as full as that of a small team is on a Monday: long titles, German ones among them, and
// tickets in every state. The newest comes last.
func acmeCrowd() []seedTicket {
	who := func(email, name string) auth.Person { return auth.Person{Email: email, Name: name} }
	kirsten := who("kirsten.hoffmann@kaffeehaus-hoffmann.example", "Kirsten Hoffmann-Brandenburg")
	amir := who("amir@nightowl.example", "Amir Haddad")
	joana := who("joana.costa@padaria.example", "Joana Costa")
	olu := who("olu@workhub.example", "Oluwaseun Adeyemi")
	ingrid := who("ingrid@fjord.example", "Ingrid Solheim")
	wei := who("wei.chen@teagarden.example", "Wei Chen 陈伟")
	return append([]seedTicket{
		{
			requester: amir, title: "Milk foam is too thin", category: "technical-problem", status: tickets.StatusClosed,
			text: "Whatever milk I take, it comes out like water.", said: answeredWith("Please clean the nozzle with the brush that came with the machine."),
		},
		{
			requester: ingrid, title: "Offer for twelve machines with a service contract for three years, delivered to four offices in two countries", category: "general-question",
			text: "We are moving, and would like to have one kind of machine everywhere. What would you offer us?", priority: tickets.PriorityHigh, tags: []string{"sales", "offer"},
		},
		{
			requester: joana, title: "Descaler arrived open", category: "general-question", text: "One bottle of six has leaked in the box.", status: tickets.StatusResolved,
			said: answeredWith("I am sorry. Another bottle is on its way, you need not send anything back."),
		},
		{
			requester: kirsten, title: "Rückfrage zur Donaudampfschifffahrtsgesellschaftskapitänskaffeemaschinenwartungsvereinbarung", category: "billing",
			text: "Guten Tag,\n\nin der Wartungsvereinbarung steht eine *jährliche* Pauschale, abgerechnet wurde aber vierteljährlich. Bitte prüfen Sie das.\n\nMit freundlichen Grüßen\nKirsten Hoffmann-Brandenburg", tags: []string{"deutsch", "wartung"},
		},
		{
			requester: olu, title: "Card reader refuses contactless payments since the update", category: "technical-problem", priority: tickets.PriorityUrgent, tags: []string{"payment", "firmware-2.8"},
			text: "Chip and PIN work. Contactless says **Card not accepted** for every card and phone. About forty people were sent away this morning.",
			said: []seedComment{
				{agent: true, text: "Thank you, Olu. Which firmware do you see under *Settings › About*?"},
				{text: "2.8.1. It says that it was installed at 03:12 last night."},
				{agent: true, internal: true, text: "2.8.1 breaks EMV kernel 3. Engineering can roll back remotely: they need the serial number and a window of 10 minutes."},
				{agent: true, text: "We can put 2.7.9 back from here within ten minutes. When would it suit you?"},
				{text: "Right now would be best. There is nobody here until eleven."},
			},
		},
		{
			requester: wei, title: "Tee statt Kaffee: Heißwasser ist nur lauwarm", category: "technical-problem", text: "Nach dem Entkalken kommt das Wasser nur noch mit etwa 60 °C.", status: tickets.StatusPending,
			said: answeredWith("Bitte stellen Sie unter *Einstellungen › Wasser* die Temperatur auf Stufe 3."),
		},
		{
			requester: longTalker(), title: "Delivery address keeps changing back", category: "account-and-access", tags: []string{"shop"},
			text: "Every time I correct my delivery address it is the old one again the next morning.", said: longTalk(),
		},
	}, crowd(
		"amir@nightowl.example|Amir Haddad|How do I register a second location?|We are opening another bar and I would like to see both in one account.",
		"joana.costa@padaria.example|Joana Costa|Invoice as PDF/A|Our accountant needs PDF/A-3 with the XML inside. Is there a setting for it?",
		"ingrid@fjord.example|Ingrid Solheim|Password reset mail does not arrive|I have tried it three times, and looked into the spam folder.",
		"lea@rosterie.example|Léa Moreau|Is the seal kit for the M4 still made?|The old one is brittle after four years.",
		"pat@example.com|Pat O'Brien|Beans taste burnt|It is the same roast as always, from batch 2611.",
		"kirsten.hoffmann@kaffeehaus-hoffmann.example|Kirsten Hoffmann-Brandenburg|Störung E04 nach Stromausfall|Seit dem Stromausfall heute Nacht zeigt die Anzeige E04 und nichts geht mehr. Wir öffnen um 7 Uhr!",
		"olu@workhub.example|Oluwaseun Adeyemi|Export of last year's consumption per machine|For our report on sustainability. A CSV is enough.",
		"rosa@mercado.example|Rosa Jiménez|Can the machine speak Catalan?|I only find Spanish and Portuguese in the menu.",
		"wei.chen@teagarden.example|Wei Chen 陈伟|Remove an employee's access|He left on Friday and can still order.",
		"pat@example.com|Pat O'Brien|Thank you!|The technician was here within the hour. Please tell her that she is great.",
		"dora@bluedoor.example|Dóra Kovács|Lieferung unvollständig – es fehlen 2 von 5 Kartons|Lieferschein 88213, Kartons 4 und 5 fehlen.",
		"amir@nightowl.example|Amir Haddad|App shows “Offline” although the machine is connected|Wi-Fi is fine, the machine has an address and I can ping it.",
		"rosa@mercado.example|Rosa Jiménez|Change of VAT number|From 1 December our VAT number is another one. Where do I enter it?",
		"noa.levi@example.net|Noa Levi|Which water filter fits the M2 Compact?|The shop lists three and all of them say that they are compatible.",
		"dora@bluedoor.example|Dóra Kovács|Cancel order 2026-4471|I ordered twice by mistake.",
		"sven@hafenbar.example|Sven Petersen|Mahlwerk blockiert, Kundendienst erreichbar?|Wir haben schon alles ausgebaut und gereinigt. Es blockiert nach drei Bezügen wieder.",
		"ingrid@fjord.example|Ingrid Solheim|Noise at night|At about two it rinses itself and wakes up the guests above. Can that be at another time?",
		"sven@hafenbar.example|Sven Petersen|Touchscreen reagiert nicht am unteren Rand|Die unterste Reihe der Tasten lässt sich nicht drücken.",
	)...)
}

// crowd are tickets in few words: email|name|title|text. What becomes of them goes round.
func crowd(lines ...string) []seedTicket {
	categories := []string{"technical-problem", "general-question", "billing", "account-and-access"}
	priorities := []tickets.Priority{"", "", tickets.PriorityHigh, "", tickets.PriorityLow, ""}
	var all []seedTicket
	for i, line := range lines {
		f := strings.Split(line, "|")
		s := seedTicket{
			requester: auth.Person{Email: f[0], Name: f[1]}, title: f[2], text: f[3],
			category: categories[i%len(categories)], priority: priorities[i%len(priorities)],
		}
		if i%5 == 3 {
			s.status, s.said = tickets.StatusPending, answeredWith("Thank you for writing. I have asked the workshop and will be back with an answer tomorrow.")
		}
		all = append(all, s)
	}
	return all
}

func answeredWith(text string) []seedComment { return []seedComment{{agent: true, text: text}} }

func longTalker() auth.Person {
	return auth.Person{Email: "marguerite@librairie.example", Name: "Marguerite de La Rochefoucauld"}
}

// longTalk is a thread that goes on and on.
func longTalk() []seedComment {
	return []seedComment{
		{agent: true, text: "That is odd. Which address do you see *now*?"},
		{text: "Now the new one. But tomorrow …"},
		{text: "It is tomorrow, and it is the old one again."},
		{agent: true, internal: true, text: "The nightly sync with the ERP overwrites it. Same as #3, I believe."},
		{agent: true, text: "We have found the reason: another system of ours sends the old one each night. It is being mended."},
		{text: "Thank you. How long will it take?"},
		{agent: true, text: "Until Thursday."},
		{text: "It is Friday. The parcel went to the old address."},
		{agent: true, internal: true, text: "Free delivery for the next order, please."},
		{agent: true, text: "I am very sorry. The parcel comes back to us and goes out again today, and the next delivery is on us.\n\n> It is being mended.\n\nIt is mended now; I have looked three nights in a row."},
		{text: "Let us see. Merci, Ana!"},
		{agent: true, text: "```\naddress_source = shop   # was: erp\n```\n\nThat one line was it."},
	}
}
