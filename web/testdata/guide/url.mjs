const { helpURL } = await import(process.argv[2]);
console.log(await helpURL(JSON.parse(process.argv[3])));
