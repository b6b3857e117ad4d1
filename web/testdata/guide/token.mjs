const { helpToken } = await import(process.argv[2]);
console.log(await helpToken(JSON.parse(process.argv[3])));
