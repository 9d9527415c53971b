window.admin = "interface";
