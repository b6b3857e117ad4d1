const { fileTicket } = await import(process.argv[2]);
const ticket = { title: 'The lamp flickers', description: 'Since yesterday.' };
const first = await fileTicket('lamp-1', ticket);
const again = await fileTicket('lamp-1', ticket);
console.log(JSON.stringify([first.number, again.number]));
