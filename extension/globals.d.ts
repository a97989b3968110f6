/** What the scripts in a page share; see content/find.js. */
declare var fakeweb: any;
