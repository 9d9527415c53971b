window.dreamfactory = {};
