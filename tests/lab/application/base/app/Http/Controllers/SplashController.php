<?php

namespace DreamFactory\Http\Controllers;

use Illuminate\Routing\Controller;

class SplashController extends Controller
{
    public function index()
    {
        return redirect()->to('/dreamfactory/dist/index.html');
    }

    public function setup()
    {
        return response('<!DOCTYPE html><title>Create the first administrator</title>');
    }
}
