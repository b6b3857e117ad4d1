const { simpleAuthURL } = await import(process.argv[2]);
console.log(simpleAuthURL(process.argv[4], JSON.parse(process.argv[3]), '/tickets'));
